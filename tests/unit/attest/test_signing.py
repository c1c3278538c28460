"""Images signed by key and verified again: in layouts, in registries with and without a list."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nixgen.attest.errors import (
    BadSignatureError,
    NotSignedError,
    VerifyError,
    WrongSignerError,
)
from nixgen.attest.judging import Judges, KeyJudge
from nixgen.attest.keys import PrivateKey
from nixgen.attest.signing import SIGNATURE_TYPE, KeySigner
from nixgen.attest.statement import Subject, make_statement
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.pipeline.publish import RegistryAccess
from nixgen.pipeline.signing import Signed, sign
from nixgen.pipeline.state import RECORD_FORMAT, State
from nixgen.pipeline.verifying import Verified, pull_verified, verify
from nixgen.registry import ImageReference, pull
from tests.fakes.registry import serving
from tests.layouts import Layout, read_layout
from tests.unit.attest.conftest import pushed

NOW = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


def sign_by(
    key: PrivateKey, name: str, access: RegistryAccess, folder: Path | None = None
) -> Signed:
    return sign(name, KeySigner(key=key), access, now=NOW, records=None, folder=folder)


def verify_by(
    name: str, access: RegistryAccess, *keys: PrivateKey, folder: Path | None = None
) -> Verified:
    judge = Judges(keys=KeyJudge(keys=[key.public for key in keys]))
    return verify(name, judge, access, folder=folder)


def test_what_was_signed_verifies(
    place: str, layout: Layout, key: PrivateKey, other_key: PrivateKey, access: RegistryAccess
) -> None:
    with pytest.raises(NotSignedError, match="not signed"):
        verify_by(place, access, key)
    signed = sign_by(key, place, access)
    assert signed.subjects == tuple(
        dict.fromkeys([layout.digest, *(i.digest for i in layout.images)])
    )
    verified = verify_by(place, access, other_key, key)
    document = verified.as_json()
    assert document["digest"] == str(layout.digest)
    assert [each["fingerprint"] for each in document["signatures"]] == [key.public.fingerprint]
    assert all(each["signed_itself"] for each in document["platforms"])
    assert document["rejected"] == []
    if "/team/app" in place:
        assert verified.pinned == f"{place.removesuffix(':v1')}@{layout.digest}"
    with pytest.raises(WrongSignerError, match="none of those"):
        verify_by(place, access, other_key)


def test_signatures_stay_with_the_image(
    layout: Layout, key: PrivateKey, access: RegistryAccess, tmp_path: Path
) -> None:
    with serving(referrers_api=False) as fake:
        name = pushed(fake, layout, access)
        sign_by(key, name, access)
        with access.open(ImageReference.parse(name)) as registry:
            pull(registry, tmp_path / "pulled")
    assert verify_by(str(tmp_path / "pulled"), access, key).findings.top == layout.digest


def test_the_referrer_is_as_others_make_it(
    key: PrivateKey, layout: Layout, access: RegistryAccess
) -> None:
    signed = sign_by(key, str(layout.path), access)
    read_layout(layout.path).verify_layers()
    manifest = json.loads(signed.referrers[0].manifest)
    kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert manifest["artifactType"] == kind
    assert [each["mediaType"] for each in manifest["layers"]] == [kind]
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert manifest["subject"]["digest"] == str(layout.digest)
    assert manifest["annotations"] == {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": SIGNATURE_TYPE,
        "org.opencontainers.image.created": "2026-01-02T03:04:05Z",
    }


def test_a_folder_of_bundles_stands_in_for_what_is_attached(
    layout: Layout, key: PrivateKey, access: RegistryAccess, tmp_path: Path
) -> None:
    folder = tmp_path / "bundles"
    index = (layout.path / "index.json").read_bytes()
    sign_by(key, str(layout.path), access, folder)
    (layout.path / "index.json").write_bytes(index)
    with pytest.raises(NotSignedError):
        verify_by(str(layout.path), access, key)
    assert verify_by(str(layout.path), access, key, folder=folder).findings.top == layout.digest


def test_a_layer_that_was_changed_on_disk_is_found(
    layout: Layout, key: PrivateKey, access: RegistryAccess
) -> None:
    sign_by(key, str(layout.path), access)
    blob = layout.blob(layout.images[-1].layers[-1].descriptor.digest)
    data = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(data[:-1] + b"?")
    with pytest.raises(BadSignatureError, match="damaged"):
        verify_by(str(layout.path), access, key)


def test_a_bundle_of_another_image_does_not_count(
    layout: Layout, key: PrivateKey, access: RegistryAccess, tmp_path: Path
) -> None:
    from tests.unit.registry.images import make_layout

    other = make_layout(tmp_path / "else", layers=(b"something else",))
    folder = tmp_path / "bundles"
    sign_by(key, str(other.path), access, folder)
    (folder / f"sha256-{other.digest.hex}").rename(folder / f"sha256-{layout.digest.hex}")
    with pytest.raises(BadSignatureError) as caught:
        verify_by(str(layout.path), access, key, folder=folder)
    assert "another image" in str(caught.value)


def test_a_statement_of_another_kind_is_no_signature(
    layout: Layout, key: PrivateKey, access: RegistryAccess
) -> None:
    index = (layout.path / "index.json").read_bytes()
    subject = Subject(name="app", digest=layout.digest)
    statement = make_statement([subject], "https://example.org/audit/v1", {"passed": True})
    sign(
        str(layout.path), KeySigner(key=key), access, now=NOW, records=None, statements=[statement]
    )
    document = json.loads((layout.path / "index.json").read_bytes())
    kept = json.loads(index)["manifests"]
    kept += [
        each
        for each in document["manifests"]
        if (each.get("annotations") or {}).get("dev.sigstore.bundle.predicateType")
        == statement.predicate_type
    ]
    (layout.path / "index.json").write_bytes(json.dumps({**document, "manifests": kept}).encode())
    with pytest.raises(VerifyError, match="not signed") as caught:
        verify_by(str(layout.path), access, key)
    assert "the image itself is not" in str(caught.value)


def test_an_image_that_no_record_tells_of_is_signed_only_when_told_so(
    layout: Layout, key: PrivateKey, access: RegistryAccess, tmp_path: Path
) -> None:
    state = State(tmp_path / "state")
    signer = KeySigner(key=key)
    with pytest.raises(UsageError, match="no build record") as caught:
        sign(str(layout.path), signer, access, now=NOW, records=state)
    assert "--only-signature" in str(caught.value)
    image = {"digest": str(layout.digest), "platforms": []}
    state.write_record(tmp_path / "old.toml", None, {"format": 1, "image": image})
    with pytest.raises(UsageError, match="no build record"):
        sign(str(layout.path), signer, access, now=NOW, records=state)
    state.write_record(tmp_path / "app.toml", None, {"format": RECORD_FORMAT, "image": image})
    assert sign(str(layout.path), signer, access, now=NOW, records=state).digest == layout.digest


def test_what_a_key_has_signed_it_does_not_sign_again(
    place: str, key: PrivateKey, other_key: PrivateKey, access: RegistryAccess
) -> None:
    assert sign_by(key, place, access).referrers
    assert sign_by(key, place, access).referrers == ()
    assert sign_by(other_key, place, access).referrers
    assert len(verify_by(place, access, key, other_key).findings.signatures) == 2


def test_the_same_signature_is_entered_once(
    layout: Layout, key: PrivateKey, access: RegistryAccess
) -> None:
    from nixgen.attest.attaching import attach_to_layout

    signed = sign_by(key, str(layout.path), access)
    before = (layout.path / "index.json").read_bytes()
    attach_to_layout(layout.path, signed.referrers)
    assert (layout.path / "index.json").read_bytes() == before
    assert len(read_layout(layout.path).referrers) == len(signed.subjects)


def test_digests_name_what_was_verified_whatever_the_tag_names_later(
    layout: Layout, key: PrivateKey, access: RegistryAccess
) -> None:
    with serving() as fake:
        name = pushed(fake, layout, access)
        sign_by(key, name, access)
        pinned = verify_by(name, access, key).pinned
        fake.tags["team/app", "v1"] = str(Digest.of_bytes(b"else"))
        assert verify_by(pinned, access, key).findings.top == layout.digest


def test_a_pull_writes_only_what_verifies(
    layout: Layout,
    key: PrivateKey,
    other_key: PrivateKey,
    access: RegistryAccess,
    tmp_path: Path,
) -> None:
    judge = Judges(keys=KeyJudge(keys=[key.public]))
    place = tmp_path / "pulled"
    with serving() as fake:
        name = pushed(fake, layout, access)
        reference = ImageReference.parse(name)
        sign_by(other_key, name, access)
        with pytest.raises(WrongSignerError):
            pull_verified(reference, place, judge, access)
        assert not place.exists()
        signed = sign_by(key, name, access)
        pulled, verified = pull_verified(reference, place, judge, access)
    assert pulled.digest == verified.findings.top == layout.digest
    assert pulled.tags == ("v1",)
    # why not the stranger's: what does not count is not verified content.
    assert set(pulled.referrers) == {each.entry.digest for each in signed.referrers}
    assert verify_by(str(place), access, key).as_json()["rejected"] == []
