"""The files of an image's root that no package provides: accounts, /tmp, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable

from nixgen.plan.model import Entry
from nixgen.spec import AppSpec
from nixgen.spec.model import User

_ROOT = User(name="root", uid=0, group="root", gid=0, home="/root", shell="/sbin/nologin")
_NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"


def make_entries(spec: AppSpec) -> tuple[Entry, ...]:
    """Every entry of the image, sorted by path component; the user's own win over the defaults."""
    by_path = {entry.path: entry for entry in (*_defaults(spec), *_own(spec))}
    return tuple(sorted(by_path.values(), key=lambda entry: entry.path.split("/")))


def _defaults(spec: AppSpec) -> Iterable[Entry]:
    user = spec.image.user
    accounts = [_ROOT] if user.uid == 0 else [_ROOT, user]
    groups = {(account.group, account.gid) for account in accounts}
    yield Entry(path="/tmp", type="directory", mode="1777")  # noqa: S108 - a path of the image
    yield Entry(
        path="/etc/passwd", type="file", mode="0644", text="".join(map(_passwd_line, accounts))
    )
    yield Entry(
        path="/etc/group",
        type="file",
        mode="0644",
        text="".join(
            f"{name}:x:{gid}:\n" for name, gid in sorted(groups, key=lambda group: group[::-1])
        ),
    )
    yield Entry(path="/etc/nsswitch.conf", type="file", mode="0644", text=_NSSWITCH)
    if user.home != "/":
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


def _passwd_line(user: User) -> str:
    return f"{user.name}:x:{user.uid}:{user.gid}::{user.home}:{user.shell}\n"


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
