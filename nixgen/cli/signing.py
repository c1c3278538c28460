"""`nixgen key generate` and `nixgen sign`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.groups import grouped
from nixgen.cli.options import (
    CaFileOption,
    JsonOption,
    PlainHttpOption,
    StoreOption,
    make_nix,
)
from nixgen.cli.output import end, print_json, print_note, print_result, reporting_errors
from nixgen.cli.statements import BuilderIdOption, check_builder_id
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.attest.signing import Signer
    from nixgen.attest.statement import Statement
    from nixgen.attest.trust import Trust
    from nixgen.nixcli import Nix

key_app = typer.Typer(help="Key pairs to sign images with.", no_args_is_help=True)

_PASSPHRASES = ("NIXGEN_KEY_PASSPHRASE", "COSIGN_PASSWORD")

PassphraseFileOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="The key's passphrase, the file's first line; else NIXGEN_KEY_PASSPHRASE.",
    ),
]


class Statements(StrEnum):
    """What can be attached, as `nixgen.pipeline.statements.Attachment` names it."""

    provenance = "provenance"
    spdx = "spdx"
    cyclonedx = "cyclonedx"
    closure = "closure"
    tests = "tests"


BundlesOption = Annotated[
    Path | None,
    typer.Option("--bundles", metavar="DIR", help="A folder of signatures beside images."),
]
ImageArgument = Annotated[
    str, typer.Argument(metavar="IMAGE", help="A layout, or HOST/REPOSITORY[:TAG][@DIGEST].")
]
TrustConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--trust-config", metavar="FILE", help="A Sigstore instance of your own to sign with."
    ),
]
StagingOption = Annotated[bool, typer.Option("--staging", help="Sigstore's staging instance.")]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE.key", help="The key to sign with.")
]
KeylessOption = Annotated[
    bool,
    typer.Option(
        "--keyless", help="Sign with an identity: of CI, of SIGSTORE_ID_TOKEN, or by a browser."
    ),
]
TokenOption = Annotated[
    Path | None,
    typer.Option("--identity-token", metavar="FILE", help="An identity token for --keyless."),
]
AttachOption = Annotated[
    list[Statements] | None,
    typer.Option(
        "--attach",
        help="Sign and attach what is known of the image, too: its provenance, a bill of "
        "materials, the report on its closure, what came of its tests; may be repeated.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """How to sign: a key is read at once, an identity, which lives shortly, when it is used."""

    by_key: Signer | None
    token_file: Path | None
    trust: Trust

    def signer(self) -> Signer:
        """The signer; raises TokenError."""
        if self.by_key is not None:
            return self.by_key
        from nixgen.attest.keyless import KeylessSigner, find_token

        terminal = sys.stdin is not None and sys.stdin.isatty()
        token = find_token(os.environ, file=self.token_file, trust=self.trust, interactive=terminal)
        return KeylessSigner(self.trust, token)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerOptions:
    """Whose signature it is to be, as the command line says it."""

    key: KeyOption = None
    passphrase_file: PassphraseFileOption = None
    keyless: KeylessOption = False
    identity_token: TokenOption = None
    trust_config: TrustConfigOption = None

    @property
    def are_given(self) -> bool:
        """Whether there is any of them."""
        return self != SignerOptions()

    def signing(self, *, staging: bool = False) -> Signing:
        """The way that they name; raises UsageError, KeyFileError."""
        from nixgen.attest.trust import Trust

        if self.keyless == (self.key is not None):
            raise UsageError(
                "sign with one of --key and --keyless", hint="--key FILE.key, or --keyless"
            )
        if self.key is not None and (self.identity_token or self.trust_config or staging):
            raise UsageError("a token or an instance of Sigstore goes with --keyless")
        if staging and self.trust_config is not None:
            raise UsageError(
                "--staging and --trust-config name two instances", hint="leave one out"
            )
        return Signing(
            by_key=None if self.key is None else _key_signer(self.key, self.passphrase_file),
            token_file=self.identity_token,
            trust=Trust(file=self.trust_config, instance="staging" if staging else "public"),
        )


@key_app.command("generate")
def generate(
    name: Annotated[
        Path, typer.Option("-o", "--output", metavar="NAME", help="Makes NAME.key and NAME.pub.")
    ],
    passphrase_file: PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key pair: NAME.key to sign with, NAME.pub to verify by."""
    with reporting_errors(as_json=as_json):
        from nixgen.attest import keys

        passphrase = _passphrase(passphrase_file, ask="Passphrase for the new key (or none): ")
        pair = keys.generate(name, passphrase)
        if not passphrase:
            print_note(f"note: {pair.private_path} is not encrypted")
        if as_json:
            print_json(
                {
                    "private": str(pair.private_path),
                    "public": str(pair.public_path),
                    "fingerprint": pair.public.fingerprint,
                    "encrypted": bool(passphrase),
                }
            )
        else:
            print_result(
                f"{pair.private_path}  keep it to yourself\n"
                f"{pair.public_path}  {pair.public.fingerprint}"
            )


@grouped
def sign(
    image: ImageArgument,
    staging: StagingOption = False,
    only_signature: Annotated[
        bool,
        typer.Option(
            "--only-signature", help="Sign an image that no build record of this machine tells of."
        ),
    ] = False,
    attach: AttachOption = None,
    builder_id: BuilderIdOption = None,
    bundles: BundlesOption = None,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
    *,
    signer: SignerOptions,
) -> None:
    """Sign an image, and attach the signatures to it.

    The index is signed, and the manifest of each platform.
    """
    with reporting_errors(as_json=as_json):
        from datetime import UTC, datetime

        from nixgen.pipeline.publish import RegistryAccess
        from nixgen.pipeline.signing import sign as sign_image
        from nixgen.pipeline.state import State

        access = RegistryAccess(environ=os.environ, plain_http=plain_http or None, ca_file=ca_file)
        if only_signature and attach:
            raise UsageError(
                "--only-signature is for images of which nothing is known to --attach",
                hint="leave one out",
            )
        signing = signer.signing(staging=staging)
        signed = sign_image(
            image,
            signing.signer(),
            access,
            now=datetime.now(UTC),
            records=None if only_signature else State.of_user(os.environ),
            describe=describer(attach, make_nix(store=store), builder_id) if attach else None,
            folder=bundles,
        )
        if as_json:
            print_json(signed.as_json())
        else:
            lines = [f"{signed.where}\n  digest    {signed.digest}\n  signed by {signed.signer}"]
            lines += [f"  manifest  {digest}" for digest in signed.subjects]
            print_result("\n".join(lines))


def describer(
    wanted: Sequence[Statements], nix: Nix, builder_id: str | None
) -> Callable[[Any], Sequence[Statement]]:
    """Makes the statements that are wanted of a build record."""
    from nixgen.attest.provenance import LOCAL_BUILDER
    from nixgen.pipeline.state import State
    from nixgen.pipeline.statements import make_statements
    from nixgen.sources import make_supply

    builder = LOCAL_BUILDER if builder_id is None else check_builder_id(builder_id)
    return lambda record: make_statements(
        record,
        [each.value for each in wanted],
        nix,
        state=State.of_user(os.environ),
        supply=make_supply(os.environ),
        builder_id=builder,
    )


def _key_signer(path: Path, passphrase_file: Path | None) -> Signer:
    """Signs with a key file; warns of one that others may read. Raises KeyFileError, UsageError."""
    from nixgen.attest import keys
    from nixgen.attest.signing import KeySigner

    encrypted = keys.is_encrypted(path)
    passphrase = _passphrase(passphrase_file, ask=f"Passphrase of {path}: ") if encrypted else None
    key = keys.load_private(path, passphrase)
    if key.warning is not None:
        print_note(f"warning: {key.warning}")
    return KeySigner(key=key)


def _passphrase(file: Path | None, *, ask: str) -> bytes | None:
    """The passphrase: of the file, else of the environment, else asked for on a terminal."""
    if file is not None:
        try:
            lines = file.read_bytes().splitlines()
        except OSError as error:
            raise UsageError(f"--passphrase-file {file}: {error.strerror or error}") from error
        if not lines or not lines[0]:
            raise UsageError(f"--passphrase-file {file}: its first line is empty")
        return lines[0]
    for name in _PASSPHRASES:
        if os.environ.get(name):
            return os.fsencode(os.environ[name])
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    import getpass

    try:
        return getpass.getpass(ask).encode() or None
    except EOFError:
        end(130)
