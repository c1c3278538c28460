import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nixgen.errors import UsageError
from nixgen.registry import ImageReference, Registry, pull, push
from nixgen.registry.certificates import trusted_certificates
from nixgen.registry.errors import CertificateError, MalformedAnswerError
from tests.fakes.registry import FakeRegistry, serving
from tests.layouts import read_layout
from tests.unit.registry.actions import drip_head
from tests.unit.registry.conftest import LIMITS, LOGIN
from tests.unit.registry.images import make_layout, stored
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
            push(stored(layout), registry)
            pull(registry, tmp_path / "pulled")
    assert read_layout(tmp_path / "pulled").digest == layout.digest


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_authority_of_this_machine_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with serving_tls(tmp_path) as (fake, certificate):
        monkeypatch.setenv(variable, str(certificate))
        reference = ImageReference.parse(f"{fake.host}/team/app:v1")
        with Registry(reference, plain_http=False, limits=LIMITS) as registry:
            assert registry.head_manifest("v1") is None


def test_a_folder_of_authorities_is_trusted_unless_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert trusted_certificates(None) is True
    (tmp_path / "0a1b2c3d.0").write_text("")
    assert trusted_certificates(None) == str(tmp_path)
    assert trusted_certificates(tmp_path / "own.pem") == str(tmp_path / "own.pem")


def test_a_head_that_drips_is_broken_off_under_encryption(tmp_path: Path) -> None:
    with serving_tls(tmp_path) as (fake, certificate):
        fake.misbehave("HEAD", "/manifests/", drip_head)
        reference = ImageReference.parse(f"{fake.host}/team/app:v1")
        limits = replace(LIMITS, small_s=0.3)
        with Registry(reference, ca_file=certificate, limits=limits) as registry:
            assert registry.head_manifest("v1") is None
        assert len(fake.requests("HEAD")) >= 2


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


@pytest.mark.parametrize(
    ("name", "plain_http", "base"),
    [
        ("r.example/app", None, "https://r.example/v2/"),
        ("r.example:5000/app", None, "https://r.example:5000/v2/"),
        ("r.example/app", True, "http://r.example/v2/"),
        ("localhost/app", None, "http://localhost/v2/"),
        ("localhost:5000/app", None, "http://localhost:5000/v2/"),
        ("127.1.2.3:5000/app", None, "http://127.1.2.3:5000/v2/"),
        ("[::1]:5000/app", None, "http://[::1]:5000/v2/"),
        ("localhost/app", False, "https://localhost/v2/"),
        ("10.0.0.1:5000/app", None, "https://10.0.0.1:5000/v2/"),
        ("localhost.example/app", None, "https://localhost.example/v2/"),
        ("alpine", None, "https://registry-1.docker.io/v2/"),
    ],
)
def test_http_without_encryption_is_for_this_machine_or_by_request(
    name: str, plain_http: bool | None, base: str
) -> None:
    with Registry(ImageReference.parse(name), plain_http=plain_http) as registry:
        assert registry.transport.base == base
