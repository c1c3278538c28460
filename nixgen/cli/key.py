"""`nixgen key generate`, and signing with what it makes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.options import JsonOption
from nixgen.cli.output import end, print_json, print_note, print_result, reporting_errors
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.attest.signing import Signer

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

        passphrase = _passphrase(
            passphrase_file,
            ask="Passphrase for the new key (or none): ",
            again="The same once more: ",
        )
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


def key_signer(path: Path, passphrase_file: Path | None) -> Signer:
    """Signs with a key file; warns of one that others may read. Raises KeyFileError, UsageError."""
    from nixgen.attest import keys
    from nixgen.attest.signing import KeySigner

    encrypted = keys.is_encrypted(path)
    passphrase = _passphrase(passphrase_file, ask=f"Passphrase of {path}: ") if encrypted else None
    key = keys.load_private(path, passphrase)
    if key.warning is not None:
        print_note(f"warning: {key.warning}")
    return KeySigner(key=key)


def _passphrase(file: Path | None, *, ask: str, again: str | None = None) -> bytes | None:
    """The passphrase: of the file, else of the environment, else asked for on a terminal.

    With `again` it is asked for twice there: nobody sees what is typed.
    """
    if file is not None:
        from nixgen.attest.keys import LONGEST_PASSPHRASE

        try:
            with file.open("rb") as stream:
                lines = stream.read(LONGEST_PASSPHRASE + 1).splitlines()
        except OSError as error:
            raise UsageError(f"--passphrase-file {file}: {error.strerror or error}") from error
        if not lines or not lines[0]:
            raise UsageError(f"--passphrase-file {file}: its first line is empty")
        if len(lines[0]) > LONGEST_PASSPHRASE:
            raise UsageError(f"--passphrase-file {file}: its first line is too long for one")
        return lines[0]
    for name in _PASSPHRASES:
        if os.environ.get(name):
            return os.fsencode(os.environ[name])
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    import getpass

    try:
        typed = getpass.getpass(ask)
        if typed and again is not None and getpass.getpass(again) != typed:
            raise UsageError("these are two passphrases: no key was made", hint="try again")
    except EOFError:
        end(130)
    return typed.encode() or None
