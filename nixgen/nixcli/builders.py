"""What Nix is set to build for: on this machine beside its own system, and on remote builders.

Format of `builders`: https://nixos.org/manual/nix/stable/advanced-topics/distributed-builds
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_OWN_STORES = ("auto", "daemon", "local")
_ENTRY_END = re.compile(r"[\n;]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBuilder:
    """One machine: the URL of its store, and the Nix systems that it builds for."""

    store: str
    systems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystems:
    """Nix systems that this Nix builds for.

    `further` are those it takes this machine to be able to build too, sorted.
    """

    further: tuple[str, ...]
    builders: tuple[RemoteBuilder, ...]


def build_systems(config: Mapping[str, object], *, own_system: str) -> BuildSystems:
    """Read them from Nix's settings by name, as `Nix.show_config` gives them."""
    platforms, builders = config.get("extra-platforms"), config.get("builders")
    further = platforms if isinstance(platforms, list) else str(platforms or "").split()
    return BuildSystems(
        further=tuple(sorted(map(str, further))),
        builders=parse_builders(str(builders or ""), own_system=own_system),
    )


def read_file(path: str) -> str:
    """A file of builders; one that can't be read has none, as Nix takes it."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def parse_builders(
    setting: str, *, own_system: str, read: Callable[[str], str] = read_file
) -> tuple[RemoteBuilder, ...]:
    """The builders of a setting such as `@/etc/nix/machines`, in its order.

    A builder without systems, or with `-` for them, is one of `own_system`. `read` gives the
    text of a file that the setting names.
    """
    return tuple(_parse(setting, own_system, read, frozenset()))


def _parse(
    text: str, own_system: str, read: Callable[[str], str], within: frozenset[str]
) -> Iterator[RemoteBuilder]:
    for entry in _ENTRY_END.split(text):
        line = entry.partition("#")[0].strip()
        if line.startswith("@"):
            path = line[1:].strip()
            # why: a file that names itself has no end.
            if path not in within:
                yield from _parse(read(path), own_system, read, within | {path})
        elif line:
            words = line.split()
            systems = words[1] if len(words) > 1 and words[1] != "-" else own_system
            named = tuple(name for name in systems.split(",") if name)
            yield RemoteBuilder(store=_store_url(words[0]), systems=named)


def _store_url(written: str) -> str:
    """A builder's store as a URL: a mere host is reached by ssh."""
    is_host = "/" not in written and written.partition("?")[0] not in _OWN_STORES
    return f"ssh://{written}" if is_host else written
