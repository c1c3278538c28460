"""How commands speak: results on stdout, the rest on stderr, `--json` exactly one document."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TextIO

from nixgen.errors import EXIT_MACHINE, InterruptedByUserError, MachineError, NixgenError


class _StdoutError(MachineError):
    """Results can't be written."""


def print_result(text: str) -> None:
    """Write a result for people to stdout; raises MachineError where that can't be written."""
    if sys.stdout is None:
        raise _StdoutError("stdout is closed")
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _give_up(sys.stdout)
        raise _StdoutError(f"can't write to stdout: {error.strerror or error}") from error


def print_json(document: Any) -> None:
    """Write the one JSON document of a command to stdout."""
    print_result(json.dumps(document, indent=2, ensure_ascii=False))


def print_note(text: str) -> None:
    """Write something that is not the result to stderr; one that is full hears nothing."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        raise
    except OSError:
        _give_up(sys.stderr)


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


def counted(count: int, thing: str) -> str:
    """How many of something, for people: 1 file, 2 files."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def end(exit_code: int) -> NoReturn:
    """End the command with this exit code."""
    raise SystemExit(exit_code)


@contextmanager
def reporting_errors(*, as_json: bool) -> Iterator[None]:
    """Turn nixgen's errors into text or a JSON document, and an exit code; no traceback."""
    try:
        try:
            yield
        except NixgenError as error:
            _report(error, as_json=as_json)
            end(error.exit_code)
        except KeyboardInterrupt:
            interrupted = InterruptedByUserError("interrupted")
            _report(interrupted, as_json=as_json)
            end(interrupted.exit_code)
        except BrokenPipeError:
            raise
        except OSError as error:
            # why: what the stages know of they say better; this is for what they do not.
            _report(_machine_error(error), as_json=as_json)
            end(EXIT_MACHINE)
    except BrokenPipeError:
        # why: the reader went away (`| head`), of stdout or of stderr, or of both.
        _give_up(sys.stdout)
        _give_up(sys.stderr)
        end(EXIT_MACHINE)


def open_missing_streams() -> None:
    """Let a process that was started with stderr closed speak to nobody rather than fail."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until exit


def _machine_error(error: OSError) -> MachineError:
    place = error.filename2 or error.filename
    reason = error.strerror or str(error)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return MachineError(
        f"{os.fsdecode(place)}: {reason}" if isinstance(place, (str, bytes)) else reason,
        hint="free space there; TMPDIR names the folder for what is temporary" if full else None,
    )


def _report(error: NixgenError, *, as_json: bool) -> None:
    if as_json and not isinstance(error, _StdoutError):
        with suppress(_StdoutError):
            print_json(error.as_json())
            return
    print_note(str(error) if isinstance(error, InterruptedByUserError) else f"error: {error}")


def _give_up(stream: TextIO | None) -> None:
    """Let what was not written go, so that the flush at exit does not fail again."""
    if stream is None:
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
