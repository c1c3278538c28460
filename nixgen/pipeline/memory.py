"""What was found in store paths that were looked at before: they never change.

Nothing is believed that is damaged, nor of a store path that was deleted and made anew since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from nixgen.oci.store import StoreRoot, path_facts
from nixgen.pipeline.realise import Evaluated
from nixgen.pipeline.state import MemoryKind, State

_FORMAT = 3
_REMEMBERED = 1000

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Memory(Generic[T]):
    """Findings by the digest of what was asked: as many of earlier times as have room."""

    known: Mapping[str, tuple[T, ...]] = field(default_factory=dict)
    used: dict[str, tuple[T, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any, read: Callable[[Any], T]) -> Memory[T]:
        """Read what `as_json` wrote, each finding by `read`; anything else is no memory."""
        try:
            if document["format"] != _FORMAT or document["sum"] != _sum(document["found"]):
                return cls()
            entries = document["found"].items()
            return cls(known={name: tuple(map(read, found)) for name, found in entries})
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls()

    def recall(self, key: Sequence[str], find: Callable[[], Iterable[T]]) -> tuple[T, ...]:
        """What `find` gave when it was last asked under this key; else what it gives now."""
        # why: surrogates, by which names that are no text come from the file system.
        text = "\0".join(key).encode("utf-8", "surrogateescape")
        name = hashlib.sha256(text).hexdigest()
        if name not in self.used:
            self.used[name] = self.known[name] if name in self.known else tuple(find())
        return self.used[name]

    @property
    def has_news(self) -> bool:
        """Whether something was looked at that was not known."""
        return not self.used.keys() <= self.known.keys()

    def as_json(self, write: Callable[[T], Any]) -> dict[str, Any]:
        """What to remember: all of this time, and as many of before as have room."""
        before = [name for name in self.known if name not in self.used]
        room = max(0, _REMEMBERED - len(self.used))
        kept = {**self.used, **{name: self.known[name] for name in before[:room]}}
        found = {name: [write(each) for each in kept[name]] for name in sorted(kept)}
        return {"format": _FORMAT, "found": found, "sum": _sum(found)}


def facts_of(paths: Iterable[str], store: StoreRoot) -> tuple[str, ...]:
    """A part of a key: store paths with what tells each from one that lay there before."""
    return tuple(f"{path} {_facts(path, store)}" for path in paths)


def _facts(path: str, store: StoreRoot) -> list[int] | None:
    try:
        return path_facts(path, store)
    except OSError:
        # why: whoever looks into it tells so.
        return None


def _sum(found: Any) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


@contextmanager
def remembered(
    kind: MemoryKind,
    evaluated: Evaluated,
    state: State,
    *,
    read: Callable[[Any], T],
    write: Callable[[T], Any],
    anew: bool,
) -> Iterator[Memory[T]]:
    """The memory of a description, kept for the next time where there is news and all went well.

    With `anew` what was found before does not count.
    """
    profile = evaluated.prepared.request.profile
    description = evaluated.prepared.description.path
    memory = Memory.of(None if anew else state.memory(kind, description, profile), read)
    yield memory
    if memory.has_news:
        state.write_memory(kind, description, profile, memory.as_json(write))
