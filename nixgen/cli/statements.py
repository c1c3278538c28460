"""What the commands that print statements share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from nixgen.cli.output import print_result
from nixgen.errors import MachineError, UsageError

OutputOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write it into this file."),
]
BuilderIdOption = Annotated[
    str | None,
    typer.Option("--builder-id", metavar="URI", help="Who builds, as those who verify know."),
]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]+")


def check_builder_id(text: str) -> str:
    """The value of `--builder-id`; raises UsageError for what is no URI."""
    if not _URI.fullmatch(text):
        raise UsageError(
            f"--builder-id {text!r} is no URI", hint="--builder-id https://ci.example.org/runner"
        )
    return text


def write_document(document: Mapping[str, Any], output: Path | None) -> None:
    """Write a document to stdout, or into a file whose place is printed; raises MachineError."""
    from nixgen.wholefile import write_whole

    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        print_result(text)
        return
    try:
        write_whole(output, text.encode())
    except OSError as error:
        raise MachineError(
            f"{output}: can't be written: {error.strerror or error}",
            hint="name another place with -o",
        ) from error
    print_result(str(output))
