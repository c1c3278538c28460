"""What must hold of tests as a whole, and the `Test` of each."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from nixgen.platforms import Platform
from nixgen.spec.kinds import Mistake
from nixgen.spec.model import User
from nixgen.spec.node import Node
from nixgen.spec.owners import find_account, make_user
from nixgen.spec.report import Report
from nixgen.spec.shapes import Record
from nixgen.spec.tests_model import (
    DEFAULT_TIMEOUT_NS,
    Expectation,
    FileCheck,
    PortCheck,
    Test,
)

_STARTING = ("exit", "stdout", "stderr", "stdin", "ports")
_LOOKING = ("files", "absent")
_NAME_CHARACTERS = 60


def check_tests(record: Record, report: Report) -> None:
    """Note the mistakes of tests that a single value does not show; `record` is the whole."""
    names: dict[str, Node] = {}
    user = _image_user(record)
    for node, test in record.values["test"]:
        written = node.table
        if not any(name in written for name in ("run", *_STARTING, *_LOOKING)):
            hint = 'give it something to do: run = ["PROGRAM", "ARGUMENT"], ports, files or absent'
            report.add(node, "the test checks nothing", hint=hint)
        started = [name for name in _STARTING if name in written]
        if started and "run" not in written and not _has_process(record):
            message = f'"{started[0]}" needs "run": the image has no entrypoint of its own'
            report.add(test.place(started[0]), message)
        if "stdin" in written and test.values.get("ports"):
            report.add(test.place("stdin"), "a server whose ports are tested gets no stdin")
        if user is not None and "user" in test.values:
            try:
                find_account(test.values["user"], user)
            except Mistake as mistake:
                report.add(test.place("user"), str(mistake), hint=mistake.hint)
        _check_parts(test, report)
        name = test.values.get("name")
        if name is not None and names.setdefault(name, node) is not node:
            report.add(test.place("name"), f"{json.dumps(name)} is here twice: tests go by name")


def _check_parts(test: Record, report: Report) -> None:
    for _, check in test.values.get("files", ()):
        is_link = isinstance(check, Record) and check.values.get("type") == "symlink"
        if is_link and "mode" in check.node.table:
            report.add(check.place("mode"), "a symbolic link has no mode of its own")
    for node, check in test.values.get("ports", ()):
        for name in ("status", "body") if isinstance(check, Record) else ():
            if name in node.table and "get" not in node.table:
                report.add(check.place(name), f'"{name}" goes with "get", a path to ask for')
    outputs = [test.values.get(name) for name in ("stdout", "stderr")]
    ports = [check for _, check in test.values.get("ports", ()) if isinstance(check, Record)]
    for expected in (*outputs, *(check.values.get("body") for check in ports)):
        if isinstance(expected, Record) and not expected.node.table:
            report.add(expected.node, 'an empty table expects nothing: write "contains" or "regex"')


def _has_process(record: Record) -> bool:
    """Whether the image runs something by itself, or may: what was wrong counts as there."""
    image, build = record.node.table.get("image"), record.values.get("build")
    written = image.table if image is not None else {}
    if "entrypoint" not in written and build is not None and build.values.get("kind") == "c":
        return True
    named = (written[name] for name in ("entrypoint", "cmd") if name in written)
    return "from" in written or any(node.value != () for node in named)


def _image_user(record: Record) -> User | None:
    """The image's user, None where the description is wrong about it."""
    image = record.values.get("image")
    if image is None or "user" not in image.node.table:
        return User()
    try:
        return make_user(image.values["user"]) if "user" in image.values else None
    except Mistake:
        return None


def make_tests(
    pairs: Iterable[tuple[Node, Record]], user: User, platform: Platform
) -> tuple[Test, ...]:
    """The tests that are for the platform, in the order written, each with a name of its own."""
    tests = []
    for _, record in pairs:
        platforms = _list(record, "platforms")
        if not platforms or platform in platforms:
            tests.append(_make_test(record, user))
    return _named(tests)


def _named(tests: Sequence[Test]) -> tuple[Test, ...]:
    """The tests, names that were made up told apart by a number."""
    taken = {test.name for test in tests}
    seen: set[str] = set()
    named = []
    for test in tests:
        name, number = test.name, 1
        while name in seen or (number > 1 and name in taken):
            number += 1
            name = f"{test.name} ({number})"
        seen.add(name)
        named.append(replace(test, name=name))
    return tuple(named)


def _make_test(record: Record, user: User) -> Test:
    values = record.values
    test = Test(
        name=values.get("name", ""),
        run=_list(record, "run") or None,
        exit=values.get("exit"),
        stdout=_make_expectation(values.get("stdout")),
        stderr=_make_expectation(values.get("stderr")),
        stdin=values.get("stdin", ""),
        env=tuple(sorted(values.get("env", {}).items())),
        user=find_account(values["user"], user) if "user" in values else None,
        files=tuple(_make_file_check(check) for check in _list(record, "files")),
        absent=_list(record, "absent"),
        ports=tuple(_make_port_check(check) for check in _list(record, "ports")),
        network=values.get("network", False),
        timeout_ns=values.get("timeout", DEFAULT_TIMEOUT_NS),
    )
    return test if test.name else replace(test, name=_made_up_name(test))


def _made_up_name(test: Test) -> str:
    if test.run is not None:
        name = " ".join(shlex.join(test.run).split())
        return name if len(name) <= _NAME_CHARACTERS else name[: _NAME_CHARACTERS - 3] + "..."
    if test.ports:
        ports = sorted({check.port for check in test.ports})
        return f"answers on {', '.join(map(str, ports))}"
    return "its own process" if test.starts_something else "its files"


def _make_expectation(value: Any) -> Expectation | None:
    if value is None or isinstance(value, str):
        return None if value is None else Expectation(text=value)
    contains = value.values.get("contains", ())
    return Expectation(
        contains=(contains,) if isinstance(contains, str) else tuple(part for _, part in contains),
        regex=value.values.get("regex"),
    )


def _make_file_check(value: Any) -> FileCheck:
    if isinstance(value, str):
        return FileCheck(path=value)
    values = value.values
    return FileCheck(path=values["path"], type=values.get("type"), mode=values.get("mode"))


def _make_port_check(value: Any) -> PortCheck:
    if isinstance(value, int):
        return PortCheck(port=value)
    values = value.values
    return PortCheck(
        port=values["port"],
        get=values.get("get"),
        status=values.get("status", 200),
        body=_make_expectation(values.get("body")),
    )


def _list(record: Record, name: str) -> tuple[Any, ...]:
    return tuple(value for _, value in record.values.get(name, ()))
