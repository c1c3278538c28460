"""Admission policies: what they say is what nixgen demands, and nothing is left out unsaid."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ruamel.yaml
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nixgen.attest.admission import Demands, format_yaml, make_admission_policy
from nixgen.attest.certificates import Identity, Wanted
from nixgen.attest.keys import KeyPair, PublicKey, generate, load_public
from nixgen.attest.policy import Condition, Demanded
from nixgen.attest.policyfile import read_policy
from nixgen.attest.signing import SIGNATURE_TYPE
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.registry import ImageReference
from tests.fakes.kyverno import Kyverno, Signed
from tests.fakes.kyverno_schema import SCHEMA
from tests.fakes.sigstore import FakeSigstore
from tests.unit.attest.admissions import GITHUB, IMAGE, SHOP, TOP, emit, identity


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[PublicKey]:
    folder = tmp_path_factory.mktemp("keys")
    return [load_public(generate(folder / name, None).public_path) for name in ("a", "b")]


def refused(*named: PublicKey | Identity, **policy: Any) -> dict[str | None, str]:
    """What can't be said of it, by the keys of the policy."""
    with pytest.raises(UsageError) as caught:
        emit(*named, **policy)
    return {problem.key: problem.message for problem in caught.value.problems}


def whole(keys: Sequence[PublicKey]) -> Any:
    """A policy with a bit of everything."""
    where = Condition(path=("result",), test="equals", value="PASSED")
    return emit(
        *keys,
        identity(),
        identity(r"https://github\.com/team/other/.*", "https://issuer.example", pattern=True),
        trusted_root='{"mediaType":"x"}',
        signers=2,
        sbom=True,
        builders=("https://builder.example",),
        predicates=(Demanded(predicate_type="https://example.org/audit/v1", where=(where,)),),
    )


def test_it_follows_the_schema(keys: list[PublicKey]) -> None:
    jsonschema.validate(whole(keys), SCHEMA)
    jsonschema.validate(emit(identity()), SCHEMA)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: it["spec"]["attestors"][0]["cosign"].pop("key"),
        lambda it: it["spec"]["attestors"][2]["cosign"]["keyless"].pop("identities"),
        lambda it: it["spec"]["attestors"][0].update(name="key-1"),
        lambda it: it["spec"]["validations"][0].update(rule="x"),
        lambda it: it["spec"].update(validationActions=["Enforce"]),
        lambda it: it["metadata"].update(name="Verify"),
    ],
)
def test_the_schema_finds_faults(keys: list[PublicKey], spoil: Callable[[Any], object]) -> None:
    broken = copy.deepcopy(whole(keys))
    spoil(broken)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def test_it_is_about_the_repository_however_a_pod_writes_it(keys: list[PublicKey]) -> None:
    cluster = Kyverno(policy=emit(keys[0]))
    for image in (SHOP.name, str(SHOP), f"{SHOP.name}@{TOP}", f"{SHOP}@{TOP}"):
        assert cluster.matches(image)
    for image in ("registry.example/team/shop2", "registry.example/team/shop/cart", "shop"):
        assert not cluster.matches(image)
    hub = Kyverno(policy=emit(keys[0], reference=ImageReference.parse("redis")))
    for image in (
        "redis",
        "redis:7",
        "library/redis",
        "docker.io/redis@x",
        "index.docker.io/redis",
    ):
        assert hub.matches(image)
    assert not hub.matches("team/redis")
    one = Kyverno(policy=emit(keys[0], reference=SHOP.with_digest(TOP)))
    assert one.matches(f"{SHOP.name}@{TOP}")
    assert one.matches(f"{SHOP.name}:other@{TOP}")
    assert not one.matches(f"{SHOP.name}@{Digest.of_bytes(b'other')}")


def test_two_repositories_never_share_a_policy(keys: list[PublicKey]) -> None:
    names = [
        emit(keys[0], reference=ImageReference.parse(text))["metadata"]["name"]
        for text in ("a.example/x/y", "b.example/x/y", "a.example/x-y", "a.example/x_y")
    ]
    assert len(set(names)) == len(names)
    long = ImageReference.parse("a.example/" + "/".join(["part"] * 40))
    jsonschema.validate(emit(keys[0], reference=long), SCHEMA)


def test_a_pattern_is_for_the_whole_text() -> None:
    cluster = Kyverno(policy=emit(identity(r"https://github\.com/team/a|b", pattern=True)))

    def admits(who: str) -> bool:
        signed = Signed(kind=SIGNATURE_TYPE, predicate={}, identity=who, issuer=GITHUB)
        return cluster.admits(IMAGE, [signed])

    assert admits("https://github.com/team/a")
    assert admits("b")
    assert not admits("https://github.com/team/ab")
    assert not admits("https://evil.example/b")
    assert not admits("https://github.com/team/a\n")


def test_a_trusted_root_of_ones_own_goes_with_every_identity(keys: list[PublicKey]) -> None:
    root = json.dumps(FakeSigstore(url="https://sigstore.example").trusted_root())
    made = emit(keys[0], identity(), trusted_root=root)
    key, keyless = (each["cosign"] for each in made["spec"]["attestors"])
    assert keyless["trustedRoot"] == {"value": root}
    assert "trustedRoot" not in key
    assert made["metadata"]["annotations"]["policies.kyverno.io/minversion"] == "1.19.0"


def test_what_is_named_twice_counts_once(keys: list[PublicKey]) -> None:
    made = emit(keys[0], keys[0], identity(), identity())
    assert [each["name"] for each in made["spec"]["attestors"]] == ["key1", "identity2"]
    assert refused(keys[0], keys[0], signers=2) == {"signers": "2 are demanded, and 1 are named"}


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (identity("a"), identity("b"), False),
        (identity("a"), identity("a", "https://other.example"), False),
        (identity("a.*", pattern=True), identity("b"), False),
        (identity("a.*", pattern=True), identity("ab"), True),
        (identity("a.*", pattern=True), identity("b.*", pattern=True), True),
    ],
)
def test_one_signature_can_not_count_for_two(one: Identity, other: Identity, alike: bool) -> None:
    assert len(emit(one, other)["spec"]["attestors"]) == 2
    if alike:
        assert "count twice" in refused(one, other, signers=2)["signers"]
    else:
        emit(one, other, signers=2)


def test_everything_that_can_not_be_said_is_told_at_once(
    keys: list[PublicKey], tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(
        """
        max-age = "30d"
        source-repository = "https://github.com/team/shop"
        forbid-packages = ["log4j*"]
        [[predicate]]
        type = "https://example.org/a"
        where = [{ field = "tests.*", equals = 1 }, { field = "x", matches = "(?=a)" }]
        [[predicate]]
        type = "https://example.org/b"
        where = [{ field = "list.0", equals = 1 }, { field = "n", at-most = inf }]
        """
    )
    with pytest.raises(UsageError) as caught:
        make_admission_policy(
            SHOP,
            Demands(
                keys=keys[:1],
                identities=[
                    Identity(identity=Wanted(text="(?<!x)y", pattern=True), issuer=Wanted(text=""))
                ],
                policy=read_policy(tmp_path / "policy.toml"),
            ),
        )
    keys_told = [problem.key for problem in caught.value.problems]
    assert keys_told == [
        "issuer",
        "identity-pattern",
        "max-age",
        "source-repository",
        "forbid-packages",
        "predicate[0].where",
        "predicate[0].where",
        "predicate[1].where",
        "predicate[1].where",
    ]
    assert "a look behind" in str(caught.value)
    assert "a look ahead" in str(caught.value)


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)


@given(
    text=st.one_of(
        _TEXTS,
        st.sampled_from(["yes", "y", "1e3", "0E0", "0x1", "- a", "a: b", "~", "1\n", "\x85"]),
    )
)
def test_yaml_says_what_the_document_says(text: str) -> None:
    document = {"spec": [{"value": text, "flag": True, "number": 30}]}
    written = format_yaml(document)
    assert yaml.safe_load(written) == document
    # YAML 1.2, which other readers follow.
    assert ruamel.yaml.YAML(typ="safe", pure=True).load(io.StringIO(written)) == document


def test_a_key_stands_as_it_is_in_the_file(pair: KeyPair) -> None:
    written = format_yaml(emit(load_public(pair.public_path)))
    lines = [line.strip() for line in written.splitlines()]
    start = lines.index("data: |") + 1
    pem = pair.public_path.read_text().splitlines()
    assert lines[start : start + len(pem)] == pem
