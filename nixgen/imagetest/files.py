"""Whether an image holds what it must, and nothing that it must not."""

from __future__ import annotations

import difflib
import stat
from pathlib import PurePosixPath

from nixgen.runtime import ImageFiles
from nixgen.spec import FileCheck, Test

_SHOWN_NAMES = 10
_TYPES = {
    "file": (stat.S_ISREG, "a file"),
    "directory": (stat.S_ISDIR, "a directory"),
    "symlink": (stat.S_ISLNK, "a symbolic link"),
}


def judge_files(test: Test, files: ImageFiles) -> list[str]:
    """Why the image's files are not as a test demands, in the order of its demands."""
    reasons = [reason for check in test.files if (reason := _judge(check, files))]
    there = [path for path in test.absent if files.has(path)]
    return reasons + [f"{path} is there, and must not be" for path in there]


def _judge(check: FileCheck, files: ImageFiles) -> str | None:
    if not files.has(check.path):
        return f"{check.path} is not there{_nearest(check.path, files)}"
    mode = files.mode(check.path, follow=check.type != "symlink")
    if mode is None:
        return f"{check.path} is a link that leads nowhere"
    if check.type is not None and not _TYPES[check.type][0](mode):
        return f"{check.path} is {_describe(mode)}, not {_TYPES[check.type][1]}"
    if check.mode is not None and stat.S_IMODE(mode) != check.mode:
        return f"{check.path} has mode {stat.S_IMODE(mode):04o}, not {check.mode:04o}"
    return None


def _describe(mode: int) -> str:
    return next((words for test, words in _TYPES.values() if test(mode)), "something else")


def _nearest(path: str, files: ImageFiles) -> str:
    """What is there instead: like names, or else the first ones, of the next folder above."""
    missing = PurePosixPath(path)
    while not (names := files.programs(str(missing.parent))) and str(missing.parent) != "/":
        missing = missing.parent
    close = difflib.get_close_matches(missing.name, names, n=3)
    shown = ", ".join(close or names[:_SHOWN_NAMES])
    more = "" if close or len(names) <= _SHOWN_NAMES else ", ..."
    return f": in {missing.parent} there is {shown}{more}" if names else ""
