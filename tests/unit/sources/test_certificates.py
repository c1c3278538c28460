import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nixgen.sources.answer import Miss, Obtained
from nixgen.sources.download import Downloader
from tests.unit.sources.world import CONTENT, Web, send

pytestmark = pytest.mark.usefixtures("clean_environment")


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that vouches for itself, for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


class Handler(http.server.BaseHTTPRequestHandler):
    plain_url = ""

    def do_GET(self) -> None:
        if self.path == "/down":
            self.send_response(302)
            self.send_header("Location", self.plain_url + "/f")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            send(self, CONTENT)

    def log_message(self, *_arguments: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return make_certificate(tmp_path)


@pytest.fixture
def secure_url(certificate: tuple[Path, Path], web: Web) -> Iterator[str]:
    web.serve("/f", CONTENT)
    handler = type("Bound", (Handler,), {"plain_url": web.url})
    with Server(("127.0.0.1", 0), handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(
    secure_url: str, downloader: Downloader, tmp_path: Path
) -> None:
    answer = downloader.get(secure_url + "/f", tmp_path / "f")
    assert isinstance(answer, Miss)
    assert answer.reason.startswith("its certificate is not trusted")


def test_the_environments_certificates_are_trusted(
    secure_url: str,
    certificate: tuple[Path, Path],
    downloader: Downloader,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    assert isinstance(downloader.get(secure_url + "/f", tmp_path / "f"), Obtained)


def test_certificates_given_for_one_download_are_trusted(
    secure_url: str, certificate: tuple[Path, Path], downloader: Downloader, tmp_path: Path
) -> None:
    answer = downloader.get(secure_url + "/f", tmp_path / "f", certificates=str(certificate[0]))
    assert isinstance(answer, Obtained)


def test_a_redirect_may_not_leave_encryption(
    secure_url: str, certificate: tuple[Path, Path], downloader: Downloader, tmp_path: Path
) -> None:
    answer = downloader.get(secure_url + "/down", tmp_path / "f", certificates=str(certificate[0]))
    assert answer == Miss(reason="redirects from https to an address without encryption")
    assert not (tmp_path / "f").exists()
