import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nixgen.errors import UsageError
from nixgen.oci import read_layout
from nixgen.registry import ImageReference, Registry, pull, push
from nixgen.registry.errors import CertificateError, MalformedAnswerError
from tests.fakes.registry import FakeRegistry, serving
from tests.unit.registry.actions import drip_head
from tests.unit.registry.conftest import LIMITS, LOGIN
from tests.unit.registry.images import make_layout
from tests.unit.sources.test_certificates import make_certificate


@contextmanager
def serving_tls(folder: Path, **behaviour: str) -> Iterator[tuple[FakeRegistry, Path]]:
    certificate, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(tls=context, **behaviour) as fake:
        yield fake, certificate


def test_a_private_authority_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "made")
    with serving_tls(tmp_path) as (fake, certificate):
        reference = ImageReference.parse(f"{fake.host}/team/app:v1")
        with Registry(reference, ca_file=certificate, limits=LIMITS) as registry:
            push(layout, registry)
            pull(registry, tmp_path / "pulled")
    assert read_layout(tmp_path / "pulled").digest == layout.digest


def test_a_head_that_drips_is_broken_off_under_encryption(tmp_path: Path) -> None:
    with serving_tls(tmp_path) as (fake, certificate):
        fake.misbehave("HEAD", "/manifests/", drip_head)
        reference = ImageReference.parse(f"{fake.host}/team/app:v1")
        limits = replace(LIMITS, small_s=0.3)
        with Registry(reference, ca_file=certificate, limits=limits) as registry:
            assert registry.head_manifest("v1") is None
        assert len(fake.requests("HEAD")) == 2


def test_an_unknown_authority_is_told_with_the_way_to_name_it(tmp_path: Path) -> None:
    with serving_tls(tmp_path) as (fake, _certificate):
        reference = ImageReference.parse(f"{fake.host}/team/app:v1")
        refused = pytest.raises(CertificateError, match="not trusted")
        with Registry(reference, plain_http=False, limits=LIMITS) as registry, refused as caught:
            registry.get_manifest("v1")
        assert "--ca-file" in (caught.value.hint or "")
        assert fake.seen == []


def test_no_login_leaves_encryption(tmp_path: Path) -> None:
    # why: the double sends for tokens to plain HTTP.
    with serving_tls(tmp_path, auth="bearer") as (fake, certificate):
        reference = ImageReference.parse(f"{fake.host}/team/app:v1")
        refused = pytest.raises(MalformedAnswerError, match="isn't https")
        options = {"ca_file": certificate, "limits": LIMITS, "credentials": LOGIN}
        with Registry(reference, **options) as registry, refused:  # type: ignore[arg-type]
            registry.get_manifest("v1")


def test_no_redirect_leaves_encryption(tmp_path: Path) -> None:
    with serving_tls(tmp_path) as (fake, certificate):
        plain = f"http://{fake.host}/elsewhere"
        fake.misbehave("GET", "/manifests/", lambda handler: handler.reply(302, Location=plain))
        reference = ImageReference.parse(f"{fake.host}/team/app:v1")
        refused = pytest.raises(MalformedAnswerError, match="not https")
        with Registry(reference, ca_file=certificate, limits=LIMITS) as registry, refused:
            registry.get_manifest("v1")


def test_a_file_of_certificates_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not there"):
        Registry(ImageReference.parse("r.example/app"), ca_file=tmp_path / "gone.pem")
