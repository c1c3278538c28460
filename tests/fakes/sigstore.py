"""A Sigstore instance in this process: Fulcio, a CT log and Rekor, with keys of its own.

Rekor is of version 1, or with a timestamping authority of version 2.

It signs what it is asked to sign, for any token; where `wrong` names a part, that part uses a key
that nobody trusts. Times in seconds. It hands out tokens too, as GitHub Actions does to a workflow
that may have one.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.fakes.rekor import ALGORITHM, ENTRY, FakeLog, b64, spki
from tests.fakes.timestamping import FakeTimestamping

ISSUER = "https://issuer.example"
IDENTITY = "https://forge.example/team/app/.ci/release.yml@refs/heads/main"
REPOSITORY = "https://forge.example/team/app"
REQUEST_TOKEN = "may-ask-for-a-token"
_FULCIO = "1.3.6.1.4.1.57264.1"
_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_START = "2020-01-01T00:00:00Z"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def make_token(
    *,
    lifetime_s: int = 600,
    audience: str = "sigstore",
    secret: str = "",
    issuer: str = ISSUER,
    subject: str = IDENTITY,
    age_s: int = 0,
    **more: Any,
) -> str:
    now = int(time.time()) - age_s
    claims = {"aud": audience, "iss": issuer, "sub": subject, "iat": now, "exp": now + lifetime_s}
    claims |= more
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    parts.append(secret.encode() or b"signature")
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


@dataclass
class FakeSigstore:
    """`wrong` is None, `ca`, `ct` or `log`; `log_clock_s` is how far Rekor's clock is ahead.

    Certificates are valid from `start_s` until `lifetime_s` after they are made.
    """

    wrong: str | None = None
    start_s: int = -60
    lifetime_s: int = 600
    log_clock_s: int = 0
    status: int = 201
    delay_s: float = 0
    identity: str = IDENTITY
    issuer: str = ISSUER
    timestamping: FakeTimestamping | None = None
    url: str = ""
    tokens: list[str] = field(default_factory=list)
    ca: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    ct: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    log: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def __post_init__(self) -> None:
        self.root = self._root(self.ca)

    def trust_config(self) -> dict[str, Any]:
        service = {"url": self.url, "validFor": {"start": _START}, "operator": "example.org"}
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root(),
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [{**service, "majorApiVersion": 1}],
                "oidcUrls": [],
                "rekorTlogUrls": [
                    {**service, "majorApiVersion": 1 if not self.timestamping else 2}
                ],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaUrls": [
                    {**service, "majorApiVersion": 1, "url": f"{self.url}/api/v1/timestamp"}
                ]
                if self.timestamping
                else [],
                **({"tsaConfig": {"selector": "ANY"}} if self.timestamping else {}),
            },
        }

    def trusted_root(self) -> dict[str, Any]:
        der = self.root.public_bytes(serialization.Encoding.DER)
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self._log_instance(self.log)],
            "ctlogs": [self._log_instance(self.ct)],
            "certificateAuthorities": [self._authority([der])],
            "timestampAuthorities": [self._authority(self.timestamping.chain)]
            if self.timestamping
            else [],
        }

    def _authority(self, chain: list[bytes]) -> dict[str, Any]:
        return {
            "subject": {"organization": "example.org", "commonName": "root"},
            "uri": self.url,
            "certChain": {"certificates": [{"rawBytes": b64(der)} for der in chain]},
            "validFor": {"start": _START},
        }

    def write_trust_config(self, place: Path) -> Path:
        place.write_text(json.dumps(self.trust_config()))
        return place

    def _log_instance(self, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
        der = spki(key.public_key())
        return {
            "baseUrl": self.url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": b64(der),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": _START},
            },
            "logId": {"keyId": b64(hashlib.sha256(der).digest())},
        }

    def _root(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            False,
        ) | {"key_agreement": False, "encipher_only": False, "decipher_only": False}
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )

    def certify(self, public: ec.EllipticCurvePublicKey) -> list[str]:
        """A certificate for a key, and the chain above it, in PEM."""
        ca = new_key() if self.wrong == "ca" else self.ca
        now = datetime.now(UTC).replace(microsecond=0)
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        ) | dict.fromkeys(("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.root.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(seconds=self.start_s))
            .not_valid_after(now + timedelta(seconds=self.lifetime_s))
            .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca.public_key()),
                critical=False,
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(self.identity)]),
                critical=True,
            )
        )
        for number, text in ((8, self.issuer), (12, REPOSITORY)):
            value = bytes([0x0C, len(text)]) + text.encode()
            oid = x509.ObjectIdentifier(f"{_FULCIO}.{number}")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
        tbs = builder.sign(ca, hashes.SHA256()).tbs_certificate_bytes
        leaf = builder.add_extension(
            x509.UnrecognizedExtension(_SCT_LIST, self._sct_list(tbs)), critical=False
        ).sign(ca, hashes.SHA256())
        return [
            each.public_bytes(serialization.Encoding.PEM).decode() for each in (leaf, self.root)
        ]

    def _sct_list(self, tbs: bytes) -> bytes:
        """https://www.rfc-editor.org/rfc/rfc6962#section-3.2."""
        key = new_key() if self.wrong == "ct" else self.ct
        milliseconds = int(time.time()) * 1000
        issuer = hashlib.sha256(spki(self.ca.public_key())).digest()
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + issuer
        signed += len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        signature = key.sign(signed, ALGORITHM)
        log_id = hashlib.sha256(spki(self.ct.public_key())).digest()
        sct = b"\0" + log_id + struct.pack("!Q", milliseconds) + b"\0\0\4\3"
        sct += len(signature).to_bytes(2, "big") + signature
        entries = len(sct).to_bytes(2, "big") + sct
        data = len(entries).to_bytes(2, "big") + entries
        # why: every list with one such signature is shorter than 128 + 128 bytes, longer than 127.
        return (
            b"\x04" + (bytes([len(data)]) if len(data) < 128 else bytes([0x81, len(data)])) + data
        )

    def log_of(self) -> FakeLog:
        """The log as it answers now."""
        key = new_key() if self.wrong == "log" else self.log
        return FakeLog(url=self.url, known=self.log, key=key, clock_s=self.log_clock_s)


def _requested_key(body: dict[str, Any]) -> ec.EllipticCurvePublicKey:
    """The key to certify: as Python's and cosign's clients ask for it, or as JavaScript's does."""
    if "certificateSigningRequest" in body:
        pem = base64.b64decode(body["certificateSigningRequest"])
        key = x509.load_pem_x509_csr(pem).public_key()
    else:
        asked = body["publicKeyRequest"]["publicKey"]["content"]
        key = serialization.load_pem_public_key(asked.encode())  # type: ignore[assignment]
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        fake: FakeSigstore = self.server.fake  # type: ignore[attr-defined]
        wanted = (f"bearer {REQUEST_TOKEN}", "/token?audience=sigstore")
        known = (self.headers["Authorization"], self.path) == wanted
        workflow = fake.identity.removeprefix("https://github.com/")
        token = make_token(issuer=fake.issuer, job_workflow_ref=workflow)
        answer = {"value": token} if known else {"message": "no"}
        self._reply(200 if known else 401, json.dumps(answer).encode(), "application/json")

    def do_POST(self) -> None:
        fake: FakeSigstore = self.server.fake  # type: ignore[attr-defined]
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/v1/timestamp":
            assert fake.timestamping is not None
            self._reply(201, fake.timestamping.answer(sent), "application/timestamp-reply")
            return
        body = json.loads(sent)
        time.sleep(fake.delay_s)
        status = fake.status
        answer: dict[str, Any] = {"message": "no"}
        if fake.status == 201 and self.path == "/api/v2/signingCert":
            status = 200
            fake.tokens.append(self.headers["Authorization"])
            chain = fake.certify(_requested_key(body))
            answer = {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}
        elif fake.status == 201:
            log = fake.log_of()
            answer = log.enter(body) if self.path.startswith("/api/v1") else log.enter_hash(body)
        # why: by its tag cosign picks the entry out of what version 1 answers.
        tag = ENTRY if ENTRY in answer else None
        self._reply(status, json.dumps(answer).encode(), "application/json", tag)

    def _reply(self, status: int, data: bytes, kind: str, tag: str | None = None) -> None:
        self.send_response(status)
        if tag is not None:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(data)


@contextlib.contextmanager
def serving_sigstore(timestamping: FakeTimestamping | None = None) -> Iterator[FakeSigstore]:
    fake = FakeSigstore(timestamping=timestamping)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.fake = fake  # type: ignore[attr-defined]
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
