"""Nothing that was altered or forged verifies, and nothing of it ends in another error."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from nixgen.attest.bundle import sign_statement
from nixgen.attest.errors import VerifyError
from nixgen.attest.judging import Judges, KeyJudge
from nixgen.attest.keys import PrivateKey
from nixgen.attest.referring import Attached
from nixgen.attest.signing import signature_of
from nixgen.attest.verify import demand_signature, examine
from nixgen.digest import Digest
from tests.layouts import Layout
from tests.unit.attest import forgeries
from tests.unit.attest.forgeries import Forged
from tests.unit.registry.images import make_layout


@pytest.fixture
def image(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "made")


def accepted(image: Layout, key: PrivateKey, forged: Iterable[Forged]) -> list[str]:
    """The names of those that verify; fails where there are none to try."""
    judge = Judges(keys=KeyJudge(keys=[key.public]))
    found, tried = [], 0
    for name, data in forged:
        tried += 1
        attached = Attached(referrer=Digest.of_bytes(data), subject=image.digest, data=data)
        try:
            demand_signature(examine(image, [attached], judge))
        except VerifyError as error:
            assert error.exit_code in (10, 11, 12), name
        else:
            found.append(name)
    assert tried > 5
    return found


def test_what_was_not_altered_verifies(image: Layout, key: PrivateKey) -> None:
    bundle = sign_statement(signature_of(image.digest), key)
    assert accepted(image, key, [("good", bundle.data)] * 6) == ["good"] * 6


def test_no_byte_may_change(image: Layout, key: PrivateKey) -> None:
    bundle = sign_statement(signature_of(image.digest), key)
    hint = bundle.data.index(key.public.hint.encode())
    spared = (hint, hint + len(key.public.hint))
    assert accepted(image, key, forgeries.altered_bytes(bundle.data, spared)) == []


def test_nothing_may_be_missing_at_the_end(image: Layout, key: PrivateKey) -> None:
    bundle = sign_statement(signature_of(image.digest), key)
    assert accepted(image, key, forgeries.cut_off(bundle.data)) == []


def test_no_other_shape_is_taken(image: Layout, key: PrivateKey) -> None:
    bundle = sign_statement(signature_of(image.digest), key)
    assert accepted(image, key, forgeries.altered_shape(bundle)) == []


def test_no_other_envelope_is_taken(image: Layout, key: PrivateKey) -> None:
    bundle = sign_statement(signature_of(image.digest), key)
    other = sign_statement(signature_of(Digest.of_bytes(b"else")), key)
    assert accepted(image, key, forgeries.altered_envelope(bundle, other)) == []


def test_no_other_signer_is_believed(image: Layout, key: PrivateKey, other_key: PrivateKey) -> None:
    assert accepted(image, key, forgeries.signed_wrongly(key, other_key, image.digest)) == []


def test_nothing_else_that_the_signer_says_is_a_signature(image: Layout, key: PrivateKey) -> None:
    assert accepted(image, key, forgeries.saying_something_else(key, image.digest)) == []
