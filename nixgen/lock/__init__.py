"""The lockfile: what a description's pins resolved to, and the digests last built."""

from nixgen.lock.file import LOCK_NAME, lock_path, pins_digest, read_lock, write_lock
from nixgen.lock.model import Lock, LockedResult, PinnedBase, PinnedSet

__all__ = [
    "LOCK_NAME",
    "Lock",
    "LockedResult",
    "PinnedBase",
    "PinnedSet",
    "lock_path",
    "pins_digest",
    "read_lock",
    "write_lock",
]
