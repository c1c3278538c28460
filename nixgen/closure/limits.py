"""What an image must not exceed and must not hold, and where it does."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nixgen.closure.graph import ClosureGraph
from nixgen.closure.packages import PackagePattern, find_packages, name_of
from nixgen.errors import Problem

_SHELLS = frozenset(
    {"ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "toybox", "zsh"}
)
_SHOWN = 5
_SET_ID, _STICKY, _WORLD_WRITABLE, _EXECUTABLE = 0o6000, 0o1000, 0o002, 0o111


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is asked of an image; None, empty and False ask nothing."""

    max_size_bytes: int | None = None
    max_unpacked_bytes: int | None = None
    max_layers: int | None = None
    forbid: tuple[PackagePattern, ...] = ()
    allow_only: tuple[PackagePattern, ...] = ()
    no_shell: bool = False
    no_setuid: bool = False
    no_world_writable: bool = False

    @property
    def ask_nothing(self) -> bool:
        """Whether every image is fine."""
        return self == Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """A file of an image by its absolute path; `mode` as in its tar header, links excepted."""

    path: str
    mode: int
    is_folder: bool = False
    is_link: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What limits are held against. Sizes: layers as stored, and as tars, in sum.

    `linked` are packages that are no store path of the image, but linked into one when it was
    built: by name and version, with the names of what each is in, the outermost first.
    """

    platform: str
    size_bytes: int
    unpacked_bytes: int
    layer_count: int
    graph: ClosureGraph
    linked: Mapping[str, tuple[str, ...]]
    files: Sequence[ImageFile]


def find_violations(limits: Limits, facts: ImageFacts) -> tuple[Problem, ...]:
    """Every violation, in the order of the keys; none for an image that is fine."""
    return tuple(
        Problem(message=f"{facts.platform}: {each.message}", key=each.key, hint=each.hint)
        for each in (
            *_sizes(limits, facts),
            *_packages(limits, facts),
            *_files(limits, facts.files),
        )
    )


def _sizes(limits: Limits, facts: ImageFacts) -> Iterator[Problem]:
    largest = sorted(facts.graph.added_bytes().items(), key=lambda each: (-each[1], each[0]))
    named = ", ".join(f"{name_of(path)} {size} B" for path, size in largest[:_SHOWN])
    hint = f"`nixgen closure` shows what is there; what adds most: {named}"
    for key, size, limit in (
        ("max-size", facts.size_bytes, limits.max_size_bytes),
        ("max-unpacked-size", facts.unpacked_bytes, limits.max_unpacked_bytes),
    ):
        if limit is not None and size > limit:
            over = f"{size} bytes, {size - limit} more than the {limit} allowed"
            yield Problem(message=f"the layers take {over}", key=f"closure.{key}", hint=hint)
    if limits.max_layers is not None and facts.layer_count > limits.max_layers:
        yield Problem(
            message=f"{facts.layer_count} layers, {limits.max_layers} are allowed",
            key="closure.max-layers",
            hint="set image.layers.max to this or less",
        )


def _packages(limits: Limits, facts: ImageFacts) -> Iterator[Problem]:
    for index, pattern in enumerate(limits.forbid):
        for package in find_packages(pattern, (*facts.graph.nodes, *facts.linked)):
            yield Problem(
                message=f"{name_of(package)} is forbidden: {_way(facts, package)}",
                key=f"closure.forbid[{index}]",
                hint=f"`nixgen why APP.TOML {name_of(package)}` shows what brings it",
            )
    if limits.allow_only:
        for package in (*facts.graph.nodes, *facts.linked):
            if not any(pattern.matches(package) for pattern in limits.allow_only):
                yield Problem(
                    message=f"{name_of(package)} is not allowed: {_way(facts, package)}",
                    key="closure.allow-only",
                    hint="name it there, or leave out what brings it",
                )


def _way(facts: ImageFacts, package: str) -> str:
    if package in facts.linked:
        return f"linked into {' ← '.join(reversed(facts.linked[package]))} when that was built"
    return _chain(facts.graph, package)


def _chain(graph: ClosureGraph, path: str) -> str:
    chains = graph.chains(path, limit=1)
    shown = " → ".join(["the image", *map(name_of, chains.shown[0])])
    return shown if chains.count == 1 else f"{shown} (and {chains.count - 1} more ways)"


def _files(limits: Limits, files: Iterable[ImageFile]) -> Iterator[Problem]:
    for file in files:
        if limits.no_shell and _is_shell(file):
            yield Problem(
                message=f"{file.path} is a shell",
                key="closure.no-shell",
                hint="take the package that has it out, or leave it out with closure.drop",
            )
        if limits.no_setuid and not file.is_link and not file.is_folder and file.mode & _SET_ID:
            yield Problem(
                message=f"{file.path} has mode {file.mode:04o}",
                key="closure.no-setuid",
                hint="give it another mode in image.files",
            )
        if limits.no_world_writable and _is_world_writable(file):
            yield Problem(
                message=f"anyone may write to {file.path}: its mode is {file.mode:04o}",
                key="closure.no-world-writable",
                hint="give it another mode in image.files or image.directories",
            )


def _is_shell(file: ImageFile) -> bool:
    if file.is_folder or posixpath.basename(file.path) not in _SHELLS:
        return False
    return file.is_link or bool(file.mode & _EXECUTABLE)


def _is_world_writable(file: ImageFile) -> bool:
    sticky = file.is_folder and file.mode & _STICKY
    return not file.is_link and not sticky and bool(file.mode & _WORLD_WRITABLE)
