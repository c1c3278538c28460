"""What is run in an image: the argument vector, its environment, its user and its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nixgen.errors import BuildError, NixgenError, UsageError
from nixgen.runtime.files import ImageFiles
from nixgen.runtime.image import ImageProcess

_SHOWN_PROGRAMS = 20
_SHEBANG_BYTES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program in an image, wholly resolved: `env` is its whole environment, sorted by name."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    uid: int
    gid: int
    workdir: str
    volumes: tuple[str, ...]
    stop_signal: int


def make_command(
    process: ImageProcess,
    files: ImageFiles,
    *,
    entrypoint: Sequence[str] | None = None,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Command:
    """The image's own process, changed as engines change it.

    `entrypoint` replaces the image's, and then its Cmd is dropped; `args` replace its Cmd.
    Raises BuildError where the image lacks its own program, UsageError where it lacks one that
    the caller named.
    """
    own = entrypoint is None
    head = tuple(process.entrypoint if entrypoint is None else entrypoint)
    tail = tuple(args) if args or not own else process.cmd
    argv = head + tail
    if not argv:
        raise UsageError(
            "the image has no entrypoint and no cmd: there is nothing to run",
            hint="name a program: nixgen run app.toml -- PROGRAM ARGS, or set image.entrypoint",
        )
    environment = {**dict(process.env), **(env or {})}
    search = environment.get("PATH", "").split(":")
    named_by_image = own and bool(process.entrypoint or not args)
    failure: type[NixgenError] = BuildError if named_by_image else UsageError
    found = files.find_program(argv[0], search=search, workdir=process.workdir)
    if found is None:
        raise _not_found(argv[0], search, files, failure)
    _check_interpreter(found, files, failure)
    return Command(
        argv=argv,
        env=tuple(sorted(environment.items())),
        uid=process.user[0],
        gid=process.user[1],
        workdir=process.workdir,
        volumes=process.volumes,
        stop_signal=process.stop_signal,
    )


def _not_found(
    name: str, search: Sequence[str], files: ImageFiles, failure: type[NixgenError]
) -> NixgenError:
    if "/" in name:
        there = files.has(name) if name.startswith("/") else False
        what = "is not an executable file there" if there else "is not there"
        return failure(
            f"the image can't run {name!r}: it {what}",
            hint="add the package that has it to image.contents",
        )
    lines = [f"the image can't run {name!r}: it is not in its PATH"]
    for folder in search:
        programs = files.programs(folder)
        shown = ", ".join(programs[:_SHOWN_PROGRAMS]) or "(nothing)"
        more = len(programs) - _SHOWN_PROGRAMS
        lines.append(f"  {folder}: {shown}" + (f" and {more} more" if more > 0 else ""))
    return failure("\n".join(lines), hint="add the package that has it to image.contents")


def _check_interpreter(path: str, files: ImageFiles, failure: type[NixgenError]) -> None:
    """A script whose interpreter is missing fails with `not found`, which names the script."""
    found = files.find(path)
    if found is None:
        return
    try:
        with found.open("rb") as file:
            first = file.read(_SHEBANG_BYTES).split(b"\n")[0]
    except OSError:
        return
    words = first[2:].split() if first.startswith(b"#!") else []
    if words and files.find(words[0].decode(errors="replace")) is None:
        interpreter = words[0].decode(errors="replace")
        raise failure(
            f"the image can't run {path!r}: it is a script for {interpreter!r}, "
            "which is not in the image",
            hint="add the package that has the interpreter to image.contents",
        )
