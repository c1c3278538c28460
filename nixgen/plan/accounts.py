"""Who the image's process runs as, and the files that name accounts.

Without a base image both are the description's. On a base, its accounts stay: a user that it has
by name or number is taken as it is there, another is added at the end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from nixgen.errors import DescriptionError, Problem
from nixgen.plan.base import Base
from nixgen.spec.model import Image, User

_ROOT = User(name="root", uid=0, group="root", gid=0, home="/root", shell="/sbin/nologin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The decisions about users: `user` with the numbers it has in the image.

    `setting` is the config's `User`. `passwd` and `group` are the files' texts, None where the
    base's stay as they are. `needs_home` is whether the user's home is to be made.
    """

    user: User
    setting: str
    passwd: str | None
    group: str | None
    needs_home: bool


def find_accounts(image: Image, base: Base | None) -> Accounts:
    """Decide about the users of an image.

    Raises DescriptionError where the description numbers a user of the base otherwise.
    """
    if base is not None and "user" not in image.given and base.setting("User"):
        return Accounts(
            user=image.user,
            setting=str(base.setting("User")),
            passwd=None,
            group=None,
            needs_home=False,
        )
    passwd = None if base is None else base.files.text("/etc/passwd")
    group = None if base is None else base.files.text("/etc/group")
    if passwd is None:
        return _new_accounts(image.user)
    return _added_accounts(image.user, passwd, group)


def _new_accounts(user: User) -> Accounts:
    accounts = [_ROOT] if user.uid == 0 else [_ROOT, user]
    return Accounts(
        user=user,
        setting=f"{user.uid}:{user.gid}",
        passwd="".join(map(_passwd_line, accounts)),
        group=_group_lines({(account.group, account.gid) for account in accounts}),
        needs_home=True,
    )


def _added_accounts(user: User, passwd: str, group: str | None) -> Accounts:
    known = [line.split(":") for line in passwd.splitlines()]
    known = [fields for fields in known if len(fields) > 3]
    by_name = next((fields for fields in known if fields[0] == user.name), None)
    by_number = next((fields for fields in known if fields[2] == str(user.uid)), None)
    if by_name is not None and by_name[2] != str(user.uid):
        user = _renumbered(user, by_name)
    elif by_name is None and by_number is None:
        passwd = _with_line(passwd, _passwd_line(user))
        return Accounts(
            user=user,
            setting=f"{user.uid}:{user.gid}",
            passwd=passwd,
            group=_added_group(user, group),
            needs_home=True,
        )
    return Accounts(
        user=user,
        setting=f"{user.uid}:{user.gid}",
        passwd=None,
        group=None,
        needs_home=False,
    )


def _renumbered(user: User, fields: list[str]) -> User:
    """The user with the base's numbers, where the description gives none of its own."""
    given = user.uid != User().uid
    if given or not (fields[2].isdecimal() and fields[3].isdecimal()):
        problem = Problem(
            message=f'the base image has a user "{user.name}" with the number {fields[2]}, '
            f"not {user.uid}",
            key="image.user",
            hint="leave the numbers out to take the base's, or choose another name",
        )
        raise DescriptionError("the user is another in the base image", problems=(problem,))
    return dataclasses.replace(user, uid=int(fields[2]), gid=int(fields[3]))


def _added_group(user: User, group: str | None) -> str | None:
    """The groups with the user's; None where the base's stay as they are."""
    if group is None:
        return _group_lines({(_ROOT.group, _ROOT.gid), (user.group, user.gid)})
    known = [line.split(":") for line in group.splitlines()]
    if any(len(f) > 2 and (f[0] == user.group or f[2] == str(user.gid)) for f in known):
        return None
    return _with_line(group, f"{user.group}:x:{user.gid}:\n")


def _with_line(text: str, line: str) -> str:
    return text + ("" if text.endswith("\n") or not text else "\n") + line


def _passwd_line(user: User) -> str:
    return f"{user.name}:x:{user.uid}:{user.gid}::{user.home}:{user.shell}\n"


def _group_lines(groups: Iterable[tuple[str, int]]) -> str:
    ordered = sorted(groups, key=lambda group: group[::-1])
    return "".join(f"{name}:x:{gid}:\n" for name, gid in ordered)
