"""Altered and forged bundles, each with a name: none of them may vouch for anything."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from nixgen.attest.bundle import BUNDLE_TYPE, Bundle, sign_statement
from nixgen.attest.dsse import pae
from nixgen.attest.keys import PrivateKey
from nixgen.attest.signing import SIGNATURE_TYPE, signature_of
from nixgen.attest.statement import PAYLOAD_TYPE
from nixgen.digest import Digest

Forged = tuple[str, bytes]
_TOGGLED = (0x01, 0x20, 0x80)


def altered_bytes(data: bytes, spared: tuple[int, int]) -> Iterator[Forged]:
    """Every byte changed, but those of a part that nothing vouches for."""
    for place in range(len(data)):
        if not spared[0] <= place < spared[1]:
            for bits in _TOGGLED:
                changed = bytearray(data)
                changed[place] ^= bits
                yield f"byte {place} ^ {bits:#x}", bytes(changed)


def cut_off(data: bytes) -> Iterator[Forged]:
    for length in range(0, len(data), 16):
        yield f"the first {length} bytes", data[:length]
    yield "twice", data + data
    yield "with a tail", data + b"{}"


def altered_shape(bundle: Bundle) -> Iterator[Forged]:
    """Members left out, added, doubled, and given values of other kinds."""
    whole = json.loads(bundle.data)
    for path in _paths(whole):
        if path[-1] == "hint":
            continue
        yield f"without {path}", _dump(_edit(whole, path, lambda holder, key: holder.pop(key)))
        for value in (None, 1, True, "", [], {}, [[]], "A" * 64):
            edited = _edit(whole, path, lambda holder, key, value=value: _set(holder, key, value))
            # why: a key without a hint is the right one all the same.
            if edited != whole and (path[-1], value) != ("publicKey", {}):
                yield f"{path} = {value!r}", _dump(edited)
        if isinstance(path[-1], str):
            yield f"{path} twice", _doubled(bundle.data, path[-1])
    for path in ((), ("verificationMaterial",), ("dsseEnvelope",)):
        edited = copy.deepcopy(whole)
        _at(edited, path)["extra"] = 1
        yield f"more in {path}", _dump(edited)


def altered_envelope(bundle: Bundle, other: Bundle) -> Iterator[Forged]:
    """Envelopes that other readers might take for whole."""
    whole = json.loads(bundle.data)
    envelope, foreign = whole["dsseEnvelope"], json.loads(other.data)["dsseEnvelope"]
    one, two = envelope["signatures"][0], foreign["signatures"][0]
    changes: dict[str, dict[str, Any]] = {
        "two signatures": {"signatures": [one, two]},
        "two signatures, ours last": {"signatures": [two, one]},
        "the same signature twice": {"signatures": [one, one]},
        "the signature of another image": {"signatures": [two]},
        "the payload of another image": {"payload": foreign["payload"]},
        "another payload type": {"payloadType": "application/json"},
        "a payload type with a blank": {"payloadType": f"{PAYLOAD_TYPE} "},
        "base64 without padding": {"payload": envelope["payload"].rstrip("=") + "A"},
        "base64 with a line end": {"payload": envelope["payload"] + "\n"},
        "url-safe base64": {"payload": base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode()},
        "an empty payload": {"payload": ""},
        "an empty signature": {"signatures": [{"sig": ""}]},
        "a long signature": {"signatures": [{"sig": base64.b64encode(b"x" * 5000).decode()}]},
    }
    for name, change in changes.items():
        yield name, _dump({**whole, "dsseEnvelope": {**envelope, **change}})
    for kind in ("0.1", "0.2", "0.4", "0.30", "1.0", "v0.3"):
        media_type = f"application/vnd.dev.sigstore.bundle+json;version={kind}"
        yield f"version {kind}", _dump({**whole, "mediaType": media_type})
    material = whole["verificationMaterial"]
    certificate = {"rawBytes": base64.b64encode(b"0").decode()}
    for more in (
        {"certificate": certificate},
        {"x509CertificateChain": {"certificates": [certificate]}},
    ):
        yield f"a key and {more}", _dump({**whole, "verificationMaterial": {**material, **more}})
        yield f"only {more}", _dump({**whole, "verificationMaterial": more})
    yield (
        "a signature of bytes",
        _dump(
            {k: v for k, v in whole.items() if k != "dsseEnvelope"}
            | {"messageSignature": {"signature": one["sig"]}}
        ),
    )


def signed_wrongly(key: PrivateKey, stranger: PrivateKey, image: Digest) -> Iterator[Forged]:
    """Signatures that are none, or of strangers who call themselves by our key's name."""
    statement = signature_of(image)
    whole = json.loads(sign_statement(statement, key).data)
    forged = json.loads(sign_statement(statement, stranger).data)
    yield "a stranger's", _dump(forged)
    yield (
        "a stranger's under our name",
        _dump({**forged, "verificationMaterial": whole["verificationMaterial"]}),
    )
    for name, data in (
        ("the bare payload", statement.data),
        ("another type", pae("application/json", statement.data)),
        ("nothing", b""),
        ("the length left out", b"DSSEv1 " + PAYLOAD_TYPE.encode() + b" " + statement.data),
    ):
        envelope = {
            **whole["dsseEnvelope"],
            "signatures": [{"sig": base64.b64encode(key.sign(data)).decode()}],
        }
        yield f"our signature over {name}", _dump({**whole, "dsseEnvelope": envelope})


def saying_something_else(key: PrivateKey, image: Digest) -> Iterator[Forged]:
    """Signed well by the right key, and still no signature of the image."""
    good = json.loads(signature_of(image).data)
    subject = {"name": "", "digest": {"sha256": image.hex}}
    other = {"name": str(image), "digest": {"sha256": Digest.of_bytes(b"else").hex}}
    documents: dict[str, Any] = {
        "another subject": {**good, "subject": [other]},
        "no subject": {**good, "subject": []},
        "a subject by name only": {**good, "subject": [{"name": str(image)}]},
        "upper case": {**good, "subject": [{"digest": {"sha256": image.hex.upper()}}]},
        "with the algorithm": {**good, "subject": [{"digest": {"sha256": str(image)}}]},
        "cut off": {**good, "subject": [{"digest": {"sha256": image.hex[:-1]}}]},
        "a list of digests": {**good, "subject": [{"digest": {"sha256": [image.hex]}}]},
        "another algorithm": {**good, "subject": [{"digest": {"sha512": image.hex}}]},
        "a subject that is a list": {**good, "subject": [[subject]]},
        "a subject that is none": {**good, "subject": subject},
        "a later statement": {**good, "_type": "https://in-toto.io/Statement/v2"},
        "a type that is a list": {**good, "_type": [good["_type"]]},
        "no type": {k: v for k, v in good.items() if k != "_type"},
        "an older kind": {**good, "predicateType": "cosign.sigstore.dev/attestation/v1"},
        "a kind much like it": {**good, "predicateType": f"{SIGNATURE_TYPE}/"},
        "a kind in capitals": {**good, "predicateType": SIGNATURE_TYPE.upper()},
        "no kind": {k: v for k, v in good.items() if k != "predicateType"},
        "a kind that is a list": {**good, "predicateType": [SIGNATURE_TYPE]},
        "a predicate that is none": {**good, "predicate": 1},
        "a list": [good],
        "a text": "x",
    }
    for name, document in documents.items():
        yield name, _sign_raw(key, json.dumps(document).encode())
    text = json.dumps(good).encode()
    yield (
        "a subject twice",
        _sign_raw(key, text[:-1] + b', "subject": ' + json.dumps([other]).encode() + b"}"),
    )
    yield "no UTF-8", _sign_raw(key, text.replace(b'"name": ""', b'"name": "\xff"'))
    yield "nested", _sign_raw(key, text[:-1] + b', "x": ' + b"[" * 5000 + b"]" * 5000 + b"}")
    yield "no number", _sign_raw(key, text[:-1] + b', "x": NaN}')
    yield "too large", _sign_raw(key, text + b" " * (33 << 20))


def _sign_raw(key: PrivateKey, payload: bytes) -> bytes:
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(key.sign(pae(PAYLOAD_TYPE, payload))).decode()}],
    }
    return _dump(
        {
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": key.public.hint}},
            "dsseEnvelope": envelope,
        }
    )


def _dump(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(document, dict):
        items = document.items()
    elif isinstance(document, list):
        items = enumerate(document)
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def _edit(document: Any, path: tuple[Any, ...], change: Callable[[Any, Any], Any]) -> Any:
    edited = copy.deepcopy(document)
    change(_at(edited, path[:-1]), path[-1])
    return edited


def _set(holder: Any, key: Any, value: Any) -> None:
    holder[key] = value


def _doubled(data: bytes, key: str) -> bytes:
    name = json.dumps(key).encode() + b":"
    place = data.index(name)
    return data[:place] + name + b"null," + data[place:]
