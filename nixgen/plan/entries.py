"""The files of an image's root that no package provides: accounts, /tmp, and the user's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from nixgen.errors import DescriptionError, Problem
from nixgen.plan.accounts import Accounts
from nixgen.plan.base import STORE_DIR, Base
from nixgen.plan.model import Entry
from nixgen.rootfiles import RootFolder
from nixgen.spec import AppSpec

_NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"


def make_entries(spec: AppSpec, accounts: Accounts, base: Base | None = None) -> tuple[Entry, ...]:
    """Every entry of the image, sorted by path component; the user's own win over the defaults.

    On a base, each goes where the base's links lead, and defaults that the base has are left out.
    Raises DescriptionError for entries that can't be laid over the base's files.
    """
    defaults, own = list(_defaults(spec, accounts)), list(_own(spec))
    if base is not None:
        defaults = [_placed(entry, base) for entry in defaults if not _has(entry, base)]
        own = [_renumbered(_placed(entry, base), spec, accounts) for entry in own]
        _refuse_conflicts(own, base)
        defaults = [entry for entry in defaults if _is_text(entry.path)]
    by_path = {entry.path: entry for entry in (*defaults, *own)}
    if base is not None:
        by_path = {**_folders_above(by_path, base), **by_path}
    return tuple(sorted(by_path.values(), key=lambda entry: entry.path.split("/")))


def _defaults(spec: AppSpec, accounts: Accounts) -> Iterable[Entry]:
    user = accounts.user
    yield Entry(path="/tmp", type="directory", mode="1777")  # noqa: S108 - a path of the image
    for path, text in (
        ("/etc/passwd", accounts.passwd),
        ("/etc/group", accounts.group),
        ("/etc/nsswitch.conf", _NSSWITCH),
    ):
        if text is not None:
            yield Entry(path=path, type="file", mode="0644", text=text)
    if accounts.needs_home and user.home != "/":
        yield Entry(path=user.home, type="directory", mode="0700", uid=user.uid, gid=user.gid)
    if spec.image.timezone is not None:
        yield Entry(
            path="/etc/localtime",
            type="symlink",
            mode="0777",
            target=f"/share/zoneinfo/{spec.image.timezone}",
        )
    for volume in spec.image.volumes:
        yield Entry(path=volume, type="directory", mode="0755", uid=user.uid, gid=user.gid)


def _has(entry: Entry, base: Base) -> bool:
    """Whether the base has what a default entry would make."""
    if entry.type == "directory":
        return base.files.folder(entry.path) is not None
    return entry.path == "/etc/nsswitch.conf" and base.files.text(entry.path) is not None


def _placed(entry: Entry, base: Base) -> Entry:
    """The entry where it lies in the base: links of folders above it are followed."""
    files = base.files
    path = files.place(entry.path)
    if entry.type == "directory" and files.folder(path) is not None:
        path = files.resolve(path)
    return dataclasses.replace(entry, path=path)


def _renumbered(entry: Entry, spec: AppSpec, accounts: Accounts) -> Entry:
    """The entry with the numbers that the image's user has in the base."""
    before, after = spec.image.user, accounts.user
    return dataclasses.replace(
        entry,
        uid=after.uid if entry.uid == before.uid else entry.uid,
        gid=after.gid if entry.gid == before.gid else entry.gid,
    )


def _refuse_conflicts(entries: Iterable[Entry], base: Base) -> None:
    problems = []
    taken: set[str] = set()
    for entry in entries:
        said = None
        if entry.path in taken:
            said = f"{entry.path} is described twice: links of the base image lead there"
        elif entry.path.startswith(f"{STORE_DIR}/"):
            said = f"{entry.path} is in the Nix store: a link of the base image leads there"
        elif not _is_text(entry.path):
            said = f"a link of the base image leads to {entry.path!r}, which can't be written"
        elif entry.type != "directory" and entry.path in base.files.folders:
            said = f"{entry.path} is a folder of the base image, and would be replaced by a file"
        if said is not None:
            problems.append(Problem(message=said, key="image"))
        taken.add(entry.path)
    if problems:
        raise DescriptionError("entries do not fit the base image", problems=problems)


def _is_text(path: str) -> bool:
    # why: a base's links may lead to names in no encoding, which Python holds as surrogates.
    return not any("\ud800" <= letter <= "\udfff" for letter in path)


def _folders_above(entries: Iterable[str], base: Base) -> dict[str, Entry]:
    """The base's folders above entries that are not as folders are by default, as they are there.

    why: a layer holds each folder on the way to a file, and so would give it another mode.
    """
    found = {}
    for path in entries:
        parts = path.split("/")
        for parent in ("/".join(parts[:count]) for count in range(2, len(parts))):
            folder = base.files.folders.get(parent)
            if folder is not None and folder != RootFolder():
                found[parent] = Entry(
                    path=parent,
                    type="directory",
                    mode=f"{folder.mode:04o}",
                    uid=folder.uid,
                    gid=folder.gid,
                )
    return found


def _own(spec: AppSpec) -> Iterable[Entry]:
    for directory in spec.image.directories:
        yield Entry(
            path=directory.path,
            type="directory",
            mode=f"{directory.mode:04o}",
            uid=directory.uid,
            gid=directory.gid,
        )
    for symlink in spec.image.symlinks:
        yield Entry(path=symlink.path, type="symlink", mode="0777", target=symlink.target)
    for file in spec.image.files:
        yield Entry(
            path=file.path,
            type="file",
            mode=f"{file.mode:04o}",
            uid=file.uid,
            gid=file.gid,
            text=file.text,
            source=file.source,
        )
