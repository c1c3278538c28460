"""Signing that was broken off, or that a registry does not take: how it goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nixgen.attest.errors import NotSignedError
from nixgen.attest.judging import Judges, KeyJudge
from nixgen.attest.keys import PrivateKey
from nixgen.attest.referring import make_referrer
from nixgen.attest.signing import KeySigner, manifests_of
from nixgen.attest.statement import Statement, Subject, make_statement
from nixgen.digest import Digest
from nixgen.oci import attaching
from nixgen.pipeline.copying import open_image
from nixgen.pipeline.publish import RegistryAccess
from nixgen.pipeline.signing import Signed, sign
from nixgen.pipeline.verifying import Verified, verify
from nixgen.registry.errors import RefusedError
from tests.fakes.registry import Handler, serving
from tests.layouts import Layout
from tests.unit.attest.conftest import pushed
from tests.unit.registry.images import make_layout

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def index(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "index", platforms=("linux/amd64", "linux/arm64"))


@pytest.fixture
def sign_it(key: PrivateKey, access: RegistryAccess) -> Callable[..., Signed]:
    def sign_it(name: str, *statements: Statement, folder: Path | None = None) -> Signed:
        signer = KeySigner(key=key)
        return sign(
            name, signer, access, now=NOW, records=None, statements=statements, folder=folder
        )

    return sign_it


def verify_by(key: PrivateKey, name: str, access: RegistryAccess, **kept: Path) -> Verified:
    return verify(name, Judges(keys=KeyJudge(keys=[key.public])), access, **kept)


def refuse(status: int) -> Callable[[Handler], None]:
    def action(handler: Handler) -> None:
        handler.read_body()
        handler.refuse(status, "MANIFEST_INVALID", "unknown media type")

    return action


@pytest.mark.parametrize("put_before", range(5))
@pytest.mark.parametrize("interface", [True, False])
def test_an_interrupted_signing_is_finished_by_the_next(
    index: Layout,
    key: PrivateKey,
    access: RegistryAccess,
    sign_it: Callable[..., Signed],
    put_before: int,
    interface: bool,
) -> None:
    subjects = [Subject(name="", digest=each) for each in _digests(index)]
    said = make_statement(subjects, "https://example.org/said/v1", {"said": True})
    with serving(referrers_api=interface) as fake:
        name = pushed(fake, index, access)
        before = len(fake.manifests)
        first = r"/manifests/sha256:"
        fake.misbehave("PUT", first, Handler.behave, times=put_before)
        fake.misbehave("PUT", first, refuse(400), times=1000)
        with pytest.raises(RefusedError):
            sign_it(name, said)
        with pytest.raises(NotSignedError):
            verify_by(key, name, access)
        fake.rules.clear()
        sign_it(name, said)
        assert sign_it(name, said).referrers == ()
        bundles = [m for m in fake.manifests.values() if b"sigstore.bundle" in m[1]]
        distinct = {data for _, data in bundles if b'"subject"' in data}
        assert len(distinct) == 2 * len(subjects)
        assert len(fake.manifests) > before
        found = verify_by(key, name, access).findings
        about = [
            each.referrer for each in found.vouched if each.statement.predicate == {"said": True}
        ]
    assert len(about) == len(subjects)
    assert all(found.about(subject.digest, said.predicate_type) for subject in subjects)


def test_a_statement_that_is_on_one_manifest_only_is_attached_to_the_others(
    index: Layout, key: PrivateKey, access: RegistryAccess, sign_it: Callable[..., Signed]
) -> None:
    subjects = [Subject(name="", digest=each) for each in _digests(index)]
    said = make_statement(subjects, "https://example.org/said/v1", {"said": True})
    bundle = KeySigner(key=key).sign(said)
    with open_image(str(index.path), access) as source:
        half = make_referrer(manifests_of(source)[0], bundle, now=NOW)
    attaching.attach(index.path, [half.entry], half.blobs)
    done = sign_it(str(index.path), said).referrers
    again = [each for each in done if each.bundle.statement() == said]
    assert {each.subject.digest for each in again} == {each.digest for each in subjects[1:]}
    assert {each.bundle.data for each in again} == {bundle.data}


def test_what_was_signed_before_is_kept_in_a_folder_too(
    index: Layout,
    key: PrivateKey,
    access: RegistryAccess,
    sign_it: Callable[..., Signed],
    tmp_path: Path,
) -> None:
    bare = make_layout(tmp_path / "bare", platforms=("linux/amd64", "linux/arm64"))
    assert bare.digest == index.digest
    folder = tmp_path / "bundles"
    sign_it(str(index.path))
    kept = sign_it(str(index.path), folder=folder).bundles
    assert len(kept) == len(_digests(index))
    assert verify_by(key, str(bare.path), access, folder=folder).findings.signatures


def _digests(layout: Layout) -> list[Digest]:
    return [layout.digest, *(image.digest for image in layout.images)]
