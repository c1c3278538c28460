"""`python -m nixgen.oci CONF.json -o DIR`: the image writer alone, on the standard library."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from nixgen._process import ending_on_signals
from nixgen.errors import NixgenError, UsageError
from nixgen.oci.store import StoreRoot
from nixgen.oci.writing import FORMATS, write_conf
from nixgen.platforms import Platform, UnknownPlatformError


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the image that the arguments ask for; prints its digest, gives the exit code."""
    given = _parser().parse_args(arguments)
    try:
        with ending_on_signals():
            written = write_conf(
                given.conf,
                given.output,
                form=given.format,
                store=StoreRoot(root=given.store),
                platform=_platform(given.platform),
                tags=[given.tag] if given.tag else [],
            )
        sys.stdout.write(f"{written.digest}\n")
        sys.stdout.flush()
    except NixgenError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nixgen.oci",
        description="Write the image of a conf.json of dockerTools.streamLayeredImage.",
        allow_abbrev=False,
    )
    parser.add_argument("conf", type=Path, metavar="CONF.json")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PATH")
    parser.add_argument("-f", "--format", choices=FORMATS, default="oci")
    parser.add_argument("--platform", metavar="OS/ARCH")
    parser.add_argument("--tag")
    parser.add_argument("--store", type=Path, default=Path(os.sep), metavar="ROOT")
    return parser


def _platform(text: str | None) -> Platform | None:
    try:
        return None if text is None else Platform.parse(text)
    except UnknownPlatformError as error:
        raise UsageError(f"--platform: {error}", hint=error.hint) from error


if __name__ == "__main__":
    sys.exit(main())
