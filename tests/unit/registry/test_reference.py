import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.registry import ImageReference

HEX = "ab" * 32
COMPONENT = st.from_regex(r"[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}", fullmatch=True)
HOSTS = ["docker.io", "localhost", "localhost:5000", "a.example:443", "[::1]:80", "10.0.0.1"]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("alpine", "docker.io/library/alpine"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("team/app", "docker.io/team/app"),
        ("index.docker.io/alpine", "docker.io/library/alpine"),
        ("localhost/app", "localhost/app"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("HOST/app", "HOST/app"),
        ("r.example/a/b__c:1@sha256:" + HEX, "r.example/a/b__c:1@sha256:" + HEX),
        ("[::1]:5000/app", "[::1]:5000/app"),
    ],
)
def test_short_names_are_made_whole(text: str, whole: str) -> None:
    assert str(ImageReference.parse(text)) == whole


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("a//b", "empty"),
        ("r.example/", "empty"),
        ("r.example/App", "upper-case"),
        ("r.example/a..b", "'a..b'"),
        ("r.example/a___b", "'a___b'"),
        ("r.example/a:", "tag ''"),
        ("r.example/a:-x", "tag '-x'"),
        ("r.example/a:" + "x" * 129, "tag"),
        ("r.example/a@sha256:12", "digest 'sha256:12'"),
        ("r.example/a@", "digest ''"),
        ("r.example/a@md5:" + HEX, "digest"),
        ("-x.example/a", "host name"),
        ("r.example:0/a", "port '0'"),
        ("r.example:65536/a", "port"),
        ("r.example:x/a", "port 'x'"),
        ("r.example/" + "a" * 250, "255"),
        ("https://r.example/a", "port ''"),
        ("r.example/a\n", "'a\\n'"),
    ],
)
def test_a_malformed_reference_is_told_by_its_wrong_part(text: str, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        ImageReference.parse(text)
    assert part in caught.value.message
    assert caught.value.hint is not None


@given(
    host=st.sampled_from(HOSTS),
    repository=st.lists(COMPONENT, min_size=2, max_size=4).map("/".join),
    tag=st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    digest=st.none() | st.just(Digest(HEX)),
)
def test_every_reference_comes_back_from_its_text(
    host: str, repository: str, tag: str | None, digest: Digest | None
) -> None:
    reference = ImageReference(host=host, repository=repository, tag=tag, digest=digest)
    assert ImageReference.parse(str(reference)) == reference


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_a_usage_error(text: str) -> None:
    try:
        reference = ImageReference.parse(text)
    except UsageError:
        return
    assert ImageReference.parse(str(reference)) == reference


def test_a_digest_goes_before_a_tag_and_latest_stands_in() -> None:
    plain = ImageReference.parse("r.example/a")
    assert plain.target == "latest"
    assert plain.with_tag("v1").target == "v1"
    assert plain.with_tag("v1").with_digest(Digest(HEX)).target == Digest(HEX)
