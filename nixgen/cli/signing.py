"""`nixgen key generate`, `nixgen sign`, `nixgen verify`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.options import CaFileOption, JsonOption, PlainHttpOption
from nixgen.cli.output import end, print_json, print_note, print_result, reporting_errors
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.attest.judging import Judge
    from nixgen.attest.keys import PrivateKey
    from nixgen.pipeline.verifying import Verified

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
BundlesOption = Annotated[
    Path | None,
    typer.Option("--bundles", metavar="DIR", help="A folder of signatures beside images."),
]
ImageArgument = Annotated[
    str, typer.Argument(metavar="IMAGE", help="A layout, or HOST/REPOSITORY[:TAG][@DIGEST].")
]
VerifyKeyOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--key", metavar="FILE.pub", help="A key that may have signed it; may be repeated."
    ),
]


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


def sign(
    image: ImageArgument,
    key: Annotated[Path, typer.Option("--key", metavar="FILE.key", help="The key to sign with.")],
    passphrase_file: PassphraseFileOption = None,
    only_signature: Annotated[
        bool,
        typer.Option(
            "--only-signature", help="Sign an image that no build record of this machine tells of."
        ),
    ] = False,
    bundles: BundlesOption = None,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign an image, its index and the manifest of each platform, and attach the signatures."""
    with reporting_errors(as_json=as_json):
        from datetime import UTC, datetime

        from nixgen.attest.signing import KeySigner
        from nixgen.pipeline.publish import RegistryAccess
        from nixgen.pipeline.signing import sign as sign_image
        from nixgen.pipeline.state import State

        access = RegistryAccess(environ=os.environ, plain_http=plain_http or None, ca_file=ca_file)
        signed = sign_image(
            image,
            KeySigner(key=load_private_key(key, passphrase_file)),
            access,
            now=datetime.now(UTC),
            records=None if only_signature else State.of_user(os.environ),
            folder=bundles,
        )
        if as_json:
            print_json(signed.as_json())
        else:
            lines = [f"{signed.where}\n  digest    {signed.digest}\n  signed by {signed.signer}"]
            lines += [f"  manifest  {digest}" for digest in signed.subjects]
            print_result("\n".join(lines))


def verify(
    image: ImageArgument,
    key: VerifyKeyOption = None,
    bundles: BundlesOption = None,
    resolve: Annotated[
        bool,
        typer.Option("--resolve", help="Print only the reference, pinned to what was verified."),
    ] = False,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify that an image is exactly what was signed by whom it should be.

    Exit codes: 10 not signed; 11 signed by somebody else; 12 a signature or the content is bad;
    13 the policy says no; 14 what is needed to tell is not to be had.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.publish import RegistryAccess
        from nixgen.pipeline.verifying import verify as verify_image

        if as_json and resolve:
            raise UsageError("--json and --resolve are two forms of result", hint="leave one out")
        access = RegistryAccess(environ=os.environ, plain_http=plain_http or None, ca_file=ca_file)
        verified = verify_image(image, make_judge(key), access, folder=bundles)
        if as_json:
            print_json(verified.as_json())
        elif resolve:
            print_result(verified.pinned)
        else:
            print_result(_format(verified))


def make_judge(keys: list[Path] | None) -> Judge:
    """Whose word counts, after the options; raises UsageError, KeyFileError."""
    from nixgen.attest.judging import Judges, KeyJudge
    from nixgen.attest.keys import load_public

    if not keys:
        raise UsageError("whose signature is wanted?", hint="--key FILE.pub")
    return Judges(keys=KeyJudge(keys=[load_public(path) for path in keys]))


def load_private_key(path: Path, passphrase_file: Path | None) -> PrivateKey:
    """The key to sign with; warns of one that others may read. Raises KeyFileError, UsageError."""
    from nixgen.attest import keys

    encrypted = keys.is_encrypted(path)
    passphrase = _passphrase(passphrase_file, ask=f"Passphrase of {path}: ") if encrypted else None
    key = keys.load_private(path, passphrase)
    if key.warning is not None:
        print_note(f"warning: {key.warning}")
    return key


def _format(verified: Verified) -> str:
    findings = verified.findings
    lines = [f"verified {verified.pinned}", f"  digest    {findings.top}"]
    lines += [f"  signed by {each.signer}" for each in findings.signatures]
    lines += [f"  {platform!s:<9} {digest}" for platform, digest in findings.platforms]
    kinds: dict[str, Any] = {
        f"  statement {each['predicate_type']}": None for each in findings.as_json()["statements"]
    }
    if findings.rejected:
        kinds[f"  {len(findings.rejected)} attached bundles do not count"] = None
    return "\n".join([*lines, *kinds])


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
