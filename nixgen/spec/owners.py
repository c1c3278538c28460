"""The image's user, and who owns its files."""

from __future__ import annotations

from typing import Any

from nixgen.spec.kinds import Mistake
from nixgen.spec.model import User
from nixgen.spec.report import suggest
from nixgen.spec.shapes import Record

ROOT = User(name="root", uid=0, group="root", gid=0, home="/root", shell="/sbin/nologin")
_UNNAMED = "app"


def make_user(value: Any) -> User:
    """The user that `image.user` stands for, as its kind read it; raises Mistake."""
    if value is None:
        return User()
    if isinstance(value, Record):
        return _user_of_table(value)
    user, group = value if isinstance(value, tuple) else (value, None)
    if isinstance(user, str):
        return ROOT if user == "root" else _named(user, 65532, 65532)
    gid = user if group is None else group
    if user == 0:
        return ROOT if gid == 0 else User(name="root", uid=0, group=_UNNAMED, gid=gid, home="/root")
    name = "nonroot" if user == 65532 else _UNNAMED
    group_name = "root" if gid == 0 else name
    return User(name=name, uid=user, group=group_name, gid=gid, home=f"/home/{name}")


def _named(name: str, uid: int, gid: int) -> User:
    return User(name=name, uid=uid, group=name, gid=gid, home=f"/home/{name}")


def _user_of_table(record: Record) -> User:
    values = record.values
    name = values.get("name", _UNNAMED)
    default = ROOT if name == "root" else _named(name, 65532, 65532)
    uid = values.get("uid", default.uid)
    gid = values.get("gid", uid)
    group = values.get("group", "root" if gid == 0 else default.group)
    if (uid == 0) != (name == "root"):
        raise Mistake("the number 0 and the name root belong together", 'write user = "root"')
    if (gid == 0) != (group == "root"):
        raise Mistake("the number 0 and the group root belong together")
    return User(
        name=name,
        uid=uid,
        group=group,
        gid=gid,
        home=values.get("home", default.home),
        shell=values.get("shell", default.shell),
    )


def find_owner(record: Record, user: User) -> tuple[int, int]:
    """The uid and gid of one file, directory or link of the image; raises Mistake."""
    values = record.values
    for name, number in (("user", "uid"), ("group", "gid")):
        if name in values and number in values:
            raise Mistake(f'"{name}" and "{number}" say the same thing: leave one out')
    owner = values.get("uid", values.get("user", 0))
    uid = _number(owner, "user", {"root": 0, user.name: user.uid})
    groups = {user.uid: user.gid, 0: 0}
    group = values.get("gid", values.get("group", groups.get(uid, uid)))
    return uid, _number(group, "group", {"root": 0, user.group: user.gid})


def _number(owner: str | int, what: str, known: dict[str, int]) -> int:
    if isinstance(owner, int):
        return owner
    if owner not in known:
        names = " and ".join(f'"{name}"' for name in known)
        raise Mistake(
            f'no {what} "{owner}" in the image: it has {names}',
            suggest(owner, known) or "a number works as well",
        )
    return known[owner]


def find_account(value: int | tuple[str | int, str | int | None], user: User) -> tuple[int, int]:
    """The uid and gid of who a process runs as, as the kind of a user read it; raises Mistake."""
    owner, group = value if isinstance(value, tuple) else (value, None)
    uid = _number(owner, "user", {"root": 0, user.name: user.uid})
    groups = {user.uid: user.gid, 0: 0}
    gid = groups.get(uid, uid) if group is None else group
    return uid, _number(gid, "group", {"root": 0, user.group: user.gid})
