"""How commands speak: results on stdout, the rest on stderr, `--json` exactly one document."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from nixgen.errors import EXIT_INTERRUPTED, EXIT_MACHINE, NixgenError


def print_result(text: str) -> None:
    """Write a result for people to stdout."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def print_json(document: Any) -> None:
    """Write the one JSON document of a command to stdout."""
    print_result(json.dumps(document, indent=2, ensure_ascii=False))


def print_note(text: str) -> None:
    """Write something that is not the result to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def human_size(size_bytes: int) -> str:
    """A size for people, in decimal units: 999 B, 12.3 kB, 4.5 MB."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95 or unit == "GB":
            return f"{size:.1f} {unit}"
    raise AssertionError("unreachable")


def end(exit_code: int) -> NoReturn:
    """End the command with this exit code."""
    raise SystemExit(exit_code)


@contextmanager
def reporting_errors(*, as_json: bool) -> Iterator[None]:
    """Turn nixgen's errors into text or a JSON document, and an exit code; no traceback."""
    try:
        yield
    except NixgenError as error:
        _report(error, as_json=as_json)
        end(error.exit_code)
    except KeyboardInterrupt:
        print_note("interrupted")
        end(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # why: the reader of stdout went away (`| head`); the flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        end(EXIT_MACHINE)


def _report(error: NixgenError, *, as_json: bool) -> None:
    if as_json:
        print_json(error.as_json())
    else:
        print_note(f"error: {error}")
