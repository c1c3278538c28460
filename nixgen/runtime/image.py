"""An image that can be run, and what its configuration says about its process.

https://github.com/opencontainers/image-spec/blob/main/config.md#properties
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from nixgen.errors import BuildError
from nixgen.oci import ImageConf, StoreRoot
from nixgen.oci.base import BaseImage
from nixgen.platforms import Platform
from nixgen.runtime.files import ImageFiles

# why: what engines give an image without a PATH.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnableImage:
    """One built image: the OCI layout it was written to, and what it was written from.

    `layout` and `tag` name it for engines (`oci:LAYOUT:TAG`). `conf` and `store` say where its
    files are on this machine, for runners that use them in place; `base` is the image that lies
    below, if any.
    """

    layout: Path
    tag: str
    platform: Platform
    conf: ImageConf
    store: StoreRoot = field(default_factory=StoreRoot)
    base: BaseImage | None = None

    @property
    def without_store_paths(self) -> ImageConf:
        """The conf of the customisation layer alone."""
        return replace(self.conf, store_layers=())

    def run_as(self, uid: int, gid: int) -> RunnableImage:
        """The same image with another user for its process."""
        config = {**self.conf.config, "User": f"{uid}:{gid}"}
        return replace(self, conf=replace(self.conf, config=config))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProcess:
    """What an image runs: `env` in the image's order, `user` as (uid, gid)."""

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    user: tuple[int, int]
    workdir: str
    volumes: tuple[str, ...]
    stop_signal: int

    @classmethod
    def of(cls, image: RunnableImage, files: ImageFiles) -> Self:
        """Read the image's config; raises BuildError where it names what is not there."""
        config = image.conf.config
        env = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
        user = _parse_user(config.get("User") or "0:0", files)
        env.setdefault("PATH", DEFAULT_PATH)
        env.setdefault("HOME", _home(user[0], files))
        return cls(
            entrypoint=tuple(config.get("Entrypoint") or ()),
            cmd=tuple(config.get("Cmd") or ()),
            env=tuple(env.items()),
            user=user,
            workdir=config.get("WorkingDir") or "/",
            volumes=tuple(sorted(config.get("Volumes") or ())),
            stop_signal=_parse_signal(config.get("StopSignal")),
        )


def _parse_user(text: str, files: ImageFiles) -> tuple[int, int]:
    """`USER[:GROUP]`, each a number or a name that the image's own files know."""
    user, _, group = text.partition(":")
    accounts = _records(files, "/etc/passwd")
    account = next((a for a in accounts if user in (a[0], a[2:3] and a[2])), None)
    if user.isdecimal():
        uid = int(user)
    elif account is not None:
        uid = int(account[2])
    else:
        raise BuildError(f"the image's user {user!r} is not in its /etc/passwd")
    if not group:
        return uid, int(account[3]) if account is not None else 0
    if group.isdecimal():
        return uid, int(group)
    for record in _records(files, "/etc/group"):
        if record[0] == group:
            return uid, int(record[2])
    raise BuildError(f"the image's group {group!r} is not in its /etc/group")


def _home(uid: int, files: ImageFiles) -> str:
    for record in _records(files, "/etc/passwd"):
        if len(record) > 5 and record[2] == str(uid):
            return record[5]
    return "/"


def _records(files: ImageFiles, path: str) -> list[list[str]]:
    found = files.find(path)
    if found is None or not found.is_file():
        return []
    lines = found.read_text(errors="replace").splitlines()
    records = [line.split(":") for line in lines]
    return [r for r in records if len(r) > 3 and r[2].isdecimal()]


def _parse_signal(value: Any) -> int:
    """A name with or without SIG, or a number, as engines take it; SIGTERM where there is none."""
    text = str(value or "SIGTERM").upper()
    if text.isdecimal() and 0 < int(text) <= signal.SIGRTMAX:
        return int(text)
    name = text if text.startswith("SIG") else f"SIG{text}"
    known = signal.Signals.__members__
    if name not in known:
        raise BuildError(f"the image's stop signal {value!r} is not a signal of Linux")
    return int(known[name])
