"""Looking at the files that a description names: they must be there, and inside the project."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

from nixgen.elf import HEADER_BYTES, ElfTarget, parse_header
from nixgen.spec.kinds import Mistake
from nixgen.spec.model import BaseName
from nixgen.spec.texts import BASE_FORMS

_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")


def find_file(project_dir: Path, relative: str) -> Path:
    """The regular file that `relative` names inside the project; raises Mistake."""
    found = _find(project_dir, relative)
    if found.is_dir():
        raise Mistake(
            f"{json.dumps(relative)} is a directory, not a file",
            'a whole folder comes into the image by [build] kind = "files"',
        )
    if not found.is_file():
        raise Mistake(f"{json.dumps(relative)} is not a regular file")
    return found


def find_folder(project_dir: Path, relative: str) -> Path:
    """The folder that `relative` names inside the project; raises Mistake."""
    found = _find(project_dir, relative)
    if not found.is_dir():
        raise Mistake(f"{json.dumps(relative)} is not a folder")
    return found


def _find(project_dir: Path, relative: str) -> Path:
    shown = json.dumps(relative, ensure_ascii=False)
    try:
        found = (project_dir / relative).resolve(strict=True)
        root = project_dir.resolve(strict=True)
    except FileNotFoundError:
        raise Mistake(f"{shown} does not exist", _nearest(project_dir, relative)) from None
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "a loop of symbolic links"
        raise Mistake(f"{shown} can't be read: {reason}") from None
    if not found.is_relative_to(root):
        raise Mistake(f"{shown} leaves the project through a symbolic link")
    return found


def _nearest(project_dir: Path, relative: str) -> str | None:
    path = project_dir / relative
    try:
        siblings = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return None
    close = difflib.get_close_matches(path.name, siblings, n=1)
    return f'did you mean "{Path(relative).parent / close[0]}"?' if close else None


def read_target(file: Path) -> ElfTarget | None:
    """The machine that a file is a program for; None where it is none. Raises Mistake."""
    try:
        with file.open("rb") as content:
            return parse_header(content.read(HEADER_BYTES))
    except OSError as error:
        raise Mistake(f"{json.dumps(file.name)} can't be read: {error.strerror}") from None


def find_package_set(project_dir: Path, written: str) -> Path:
    """The folder of a package set given by path, which may be outside the project."""
    path = (project_dir / written).absolute()
    try:
        is_folder, is_set = path.is_dir(), (path / "default.nix").is_file()
    except OSError as error:
        raise Mistake(f"{json.dumps(written)} can't be read: {error.strerror}") from None
    if not is_folder:
        raise Mistake(f"{json.dumps(written)} is not a folder")
    if not is_set:
        raise Mistake(f"{json.dumps(written)} has no default.nix: it is not a package set")
    return path


def find_base(project_dir: Path, base: BaseName) -> None:
    """Raise Mistake for a base image on disk that is not there, or one that looks forgotten."""
    form = next((form for form in BASE_FORMS if base.text.startswith(form)), "")
    written = base.text[len(form) :]
    if base.kind == "registry":
        if (project_dir / written).exists():
            raise Mistake(
                f"{json.dumps(written)} would be looked for in a registry",
                f'did you mean "./{written}", which is there?',
            )
        return
    if _first_part(project_dir, written) is None:
        raise Mistake(f"{json.dumps(written)} does not exist", _nearest(project_dir, written))


def _first_part(project_dir: Path, written: str) -> Path | None:
    """What is there of `PATH[:TAG]`: a tag, too, may hold colons (`NAME:TAG`)."""
    ends = [len(written), *(n for n, letter in enumerate(written) if letter == ":" and n)]
    try:
        return next((p for end in ends if (p := project_dir / written[:end]).exists()), None)
    except (OSError, ValueError):
        return None


def has_makefile(folder: Path) -> bool:
    """Whether make finds something to do in `folder`."""
    return any((folder / name).is_file() for name in _MAKEFILES)


def matches_any(folder: Path, pattern: str) -> bool:
    """Whether a file below `folder` fits the pattern."""
    try:
        return any(path.is_file() for path in folder.glob(pattern))
    except (OSError, ValueError, IndexError, NotImplementedError):
        # why: pathlib answers "." with an IndexError.
        return False
