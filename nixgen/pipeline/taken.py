"""What images take from their project's folder: it must be among what counts as source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nixgen.errors import DescriptionError, Problem
from nixgen.lock import lock_path
from nixgen.sourcetree import SourceTree, survey_source
from nixgen.spec import AppSpec
from nixgen.spec.model import NixBuild

_HINT = (
    "what .gitignore names, key pairs, images and caches are no source; "
    "`git add -f` makes a file part of it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A file or folder of the project that the value of `key` names."""

    key: str
    path: str
    is_folder: bool = False


def survey_taken(specs: Sequence[AppSpec], description: Path) -> SourceTree | None:
    """The source of a description's folder; None where no image takes anything from it.

    Raises DescriptionError with all that an image takes and that is no source, and as
    `survey_source` does.
    """
    wanted = list(dict.fromkeys(taken for spec in specs for taken in _find_taken(spec)))
    if not wanted:
        return None
    project_dir = specs[0].project_dir
    tree = survey_source(project_dir, lock_name=lock_path(description).name)
    listed = _with_folders(tree.files)
    problems = [
        Problem(
            message=f'"{taken.path}" is there, but is no part of the source',
            file=str(description),
            key=taken.key,
            hint=_HINT,
        )
        for taken in wanted
        if not _is_listed(taken, project_dir, listed)
    ]
    if problems:
        raise DescriptionError("the description names files that no build sees", problems=problems)
    return tree


def _find_taken(spec: AppSpec) -> Iterator[_Taken]:
    build = spec.build
    if build is not None:
        yield _Taken(key="build.src", path=build.src, is_folder=True)
    if isinstance(build, NixBuild):
        yield _Taken(key="build.file", path=str(PurePosixPath(build.src) / build.file))
    for file in spec.image.files:
        if file.source is not None:
            yield _Taken(key="image.files", path=file.source)


def _with_folders(files: Iterable[PurePosixPath]) -> frozenset[PurePosixPath]:
    return frozenset(part for file in files for part in (file, *file.parents))


def _is_listed(taken: _Taken, project_dir: Path, listed: frozenset[PurePosixPath]) -> bool:
    """Whether the source has it, and where a link leads to it, what the link leads to."""
    root = project_dir.resolve()
    target = PurePosixPath((root / taken.path).resolve().relative_to(root))
    if taken.is_folder and target == PurePosixPath():
        return True
    named = PurePosixPath(taken.path)
    return target in listed and any(part in listed for part in (named, *named.parents[:-1]))
