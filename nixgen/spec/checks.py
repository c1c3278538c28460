"""What must hold between the keys of a description, and between it and the project's files."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from nixgen.elf import ElfTarget
from nixgen.globs import matches_image_path
from nixgen.platforms import Platform
from nixgen.spec import ondisk
from nixgen.spec.app_tables import BUILD_FIELD_KINDS
from nixgen.spec.kinds import INVALID, Mistake
from nixgen.spec.model import User
from nixgen.spec.node import Node
from nixgen.spec.owners import find_owner, make_user
from nixgen.spec.report import Report
from nixgen.spec.shapes import Record
from nixgen.spec.tests_values import check_tests

T = TypeVar("T")


def check(
    record: Record, project_dir: Path, report: Report, platform: Platform | None = None
) -> None:
    """Note every mistake that a single value does not show; `record` is the whole description.

    With `platform`, too, the files of the project that are programs of another one.
    """
    values = record.values
    if "packages" in values:
        _check_packages(values["packages"], project_dir, report)
    if "build" in values:
        _check_build(values["build"], project_dir, report)
    if "image" in values:
        _check_image(values["image"], project_dir, report)
        if platform is not None:
            _check_programs(values["image"], project_dir, report, platform)
    if "sign" in values:
        check_sign(values["sign"], report)
    if "test" in values:
        check_tests(record, report)


def check_sign(record: Record, report: Report) -> None:
    """Note where [sign] does not name one signer, of a key or of an identity and its issuer."""
    written = record.node.table
    names = [name for name in ("identity", "identity-pattern") if name in written]
    if len(names) == 2:
        message = '"identity" and "identity-pattern" say the same thing'
        report.add(record.place(names[1]), message, hint="leave one out")
    for name in names if "issuer" not in written else ():
        message = f'"{name}" says who signs only together with "issuer"'
        report.add(record.place(name), message, hint="add issuer")
    if "issuer" in written and not names:
        message = '"issuer" says who signs only together with "identity"'
        report.add(record.place("issuer"), message, hint="add identity")
    if "key" in written and {"issuer", *names} & set(written):
        message = 'a "key" signs without an identity: it is one or the other'
        report.add(record.place("key"), message, hint="put them into two profiles")


def _attempt(node: Node, report: Report, action: Callable[[], T]) -> T | None:
    """The action's result, or None with its mistake noted at `node`."""
    try:
        return action()
    except Mistake as mistake:
        report.add(node, str(mistake), hint=mistake.hint)
        return None


def _check_packages(record: Record, project_dir: Path, report: Report) -> None:
    written = record.values.get("set", "bundled" if "set" not in record.node.table else None)
    if written is None:
        return
    if written.startswith((".", "/")):
        place = record.place("set")
        _attempt(place, report, lambda: ondisk.find_package_set(project_dir, written))
    if written != "nixpkgs":
        for name in ("channel", "revision"):
            if name in record.values:
                report.add(record.place(name), f'"{name}" goes with set = "nixpkgs" only')


def _check_build(record: Record, project_dir: Path, report: Report) -> None:
    kind = record.values.get("kind")
    if kind is None:
        return
    for name, node in record.node.table.items():
        kinds = BUILD_FIELD_KINDS.get(name)
        if kinds and kind not in kinds:
            words = " or ".join(f'"{word}"' for word in kinds)
            report.add(node, f'"{name}" goes with kind = {words}, not with kind = "{kind}"')
    src = record.values.get("src", "." if "src" not in record.node.table else None)
    if src is None:
        return
    place = record.place("src")
    folder = _attempt(place, report, lambda: ondisk.find_folder(project_dir, src))
    if folder is None:
        return
    if kind == "nix":
        file = record.values.get("file", "default.nix")
        _attempt(
            record.place("file"), report, lambda: ondisk.find_file(project_dir, f"{src}/{file}")
        )
    if kind == "c":
        _check_c(record, folder, report)


def _check_c(record: Record, folder: Path, report: Report) -> None:
    values = record.values
    system = values.get("system", "auto")
    has_makefile = ondisk.has_makefile(folder)
    if system == "make" and not has_makefile:
        report.add(
            record.place("system"), f"there is no Makefile in {record.values.get('src', '.')}"
        )
    if system == "make" or (system == "auto" and has_makefile):
        for name in ("sources", "cflags", "ldflags", "std"):
            if name == "sources" and name in values:
                report.add(
                    record.place(name),
                    "the Makefile says what is compiled",
                    hint='write system = "direct" to compile without it',
                )
        return
    if "make-targets" in values:
        report.add(record.place("make-targets"), "there is no Makefile to make targets of")
    if "sources" in record.node.table:
        for node, pattern in values.get("sources", ()):
            if not ondisk.matches_any(folder, pattern):
                report.add(node, f"no file of the project fits {json.dumps(pattern)}")
    elif not ondisk.matches_any(folder, "*.c"):
        report.add(
            record.place("src"),
            "there is no Makefile and no C file here",
            hint='name the files: sources = ["src/*.c"]',
        )


def _check_image(record: Record, project_dir: Path, report: Report) -> None:
    values = record.values
    if base := values.get("from"):
        _attempt(record.place("from"), report, lambda: ondisk.find_base(project_dir, base))
    user = User()
    if "user" in values:
        made = _attempt(record.place("user"), report, lambda: make_user(values["user"]))
        user = made or user
    for name in ("files", "directories"):
        for node, entry in values.get(name, ()):
            if "user" not in record.node.table or "user" in values:
                _check_owner(node, entry, user, report)
    for node, entry in values.get("files", ()):
        _check_file(node, entry, project_dir, report)
    _check_paths(record, report)
    command = values.get("entrypoint") or values.get("cmd") or ()
    if command and not command[0][1].strip():
        report.add(command[0][0], "the program to start is an empty string")
    if "healthcheck" in values:
        _check_healthcheck(values["healthcheck"], report)


def _check_owner(node: Node, entry: Record, user: User, report: Report) -> None:
    if any(
        name in entry.node.table and name not in entry.values
        for name in ("user", "group", "uid", "gid")
    ):
        return
    _attempt(node, report, lambda: find_owner(entry, user))


def _check_file(node: Node, entry: Record, project_dir: Path, report: Report) -> None:
    written = entry.node.table
    if "source" in written and "text" in written:
        report.add(node, 'has both "source" and "text": leave one out')
    elif "source" not in written and "text" not in written:
        report.add(node, 'needs "source", a file of the project, or "text"')
    if source := entry.values.get("source"):
        _attempt(entry.place("source"), report, lambda: ondisk.find_file(project_dir, source))


def _check_programs(record: Record, project_dir: Path, report: Report, platform: Platform) -> None:
    """Note the files that are programs of another machine and not meant to be there."""
    patterns = [pattern for _, pattern in record.values.get("foreign-binaries", ())]
    wanted = platform.facts.elf
    for _, entry in record.values.get("files", ()):
        source, path = entry.values.get("source"), entry.values.get("path")
        if source is None or path is None:
            continue
        if any(matches_image_path(pattern, path) for pattern in patterns):
            continue
        place = entry.place("source")
        target = _attempt(place, report, partial(_read_target, project_dir, source))
        if target is not None and target.is_of_a_platform and target != wanted:
            report.add(
                place,
                f"{json.dumps(source)} is a program for {target}; {platform} takes {wanted}",
                hint='name one file for each platform, as in source = "tool-${platform.arch}", or '
                "this one in foreign-binaries",
            )


def _read_target(project_dir: Path, source: str) -> ElfTarget | None:
    return ondisk.read_target(ondisk.find_file(project_dir, source))


def _check_paths(record: Record, report: Report) -> None:
    """No two entries at one path, and nothing below a file or a link."""
    taken: dict[str, tuple[str, Node]] = {}
    for what, name in (("file", "files"), ("link", "symlinks"), ("directory", "directories")):
        for node, entry in record.values.get(name, ()):
            path = entry.values.get("path")
            if path is None:
                continue
            place = entry.place("path")
            if path in taken:
                report.add(place, f"{json.dumps(path)} is here twice: {_seen(*taken[path])}")
            taken.setdefault(path, (what, node))
    for path, (_, node) in taken.items():
        parts = path.split("/")
        for parent in ("/".join(parts[:count]) for count in range(2, len(parts))):
            if parent in taken and taken[parent][0] != "directory":
                report.add(node, f"{json.dumps(path)} is below {_seen(*taken[parent])}")


def _seen(what: str, node: Node) -> str:
    line = f", line {node.line}" if node.line else ""
    return f"the {what} of {node.key}{line}"


def _check_healthcheck(record: Record, report: Report) -> None:
    command: Any = record.values.get("run", ())
    if command is not INVALID and command and command[0][1] in ("CMD", "CMD-SHELL", "NONE"):
        report.add(
            command[0][0],
            f'"{command[0][1]}" is a word of another format: the list is the command itself',
        )
