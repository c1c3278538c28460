"""File patterns of a description: which of the source's files they choose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from nixgen.errors import DescriptionError, Problem
from nixgen.globs import matches


def select_files(
    source_files: Sequence[PurePosixPath],
    *,
    folder: str,
    include: Sequence[str],
    exclude: Sequence[str],
    key: str,
) -> list[str]:
    """The files below `folder` that `include` chooses and `exclude` does not, relative to it.

    Sorted by path component; patterns are those of `nixgen.globs`. Raises DescriptionError, which
    names `key`, for an including pattern that matches nothing, and where nothing is left.
    """
    below = PurePosixPath(folder)
    files = sorted(
        (path.relative_to(below) for path in source_files if path.is_relative_to(below)),
        key=lambda path: path.parts,
    )
    problems = [
        Problem(
            key=f"{key}[{index}]",
            message=f"{pattern!r} matches no file of the source",
            hint="files that .gitignore names are no source",
        )
        for index, pattern in enumerate(include)
        if not any(matches(pattern, path) for path in files)
    ]
    if problems:
        raise DescriptionError("a file pattern matches nothing", problems=problems)
    chosen = [
        path
        for path in files
        if any(matches(pattern, path) for pattern in include)
        and not any(matches(pattern, path) for pattern in exclude)
    ]
    if not chosen:
        raise DescriptionError(
            "no file is left",
            problems=[Problem(key=key, message="every file of it is left out by build.exclude")],
        )
    return [str(path) for path in chosen]
