"""Writing and checking the lockfile, other than by the results of a build."""

from __future__ import annotations

from pathlib import Path

from nixgen.errors import LockError
from nixgen.lock import Lock, PinnedSet, lock_path, read_lock, write_lock
from nixgen.nixcli import Nix
from nixgen.pipeline.basepins import check_bases, pin_bases
from nixgen.pipeline.pins import pin, refuse_stale
from nixgen.pipeline.prepare import Prepared, Request, make_finder, resolve_all
from nixgen.spec import Description, read_description


def keep_pins(prepared: Prepared) -> None:
    """Write the lockfile before the build where the request lets it; raises MachineError.

    why: a folder that can't be written is said before a long build, not after it.
    """
    if prepared.request.may_write_lock:
        write_lock(lock_path(prepared.description.path), prepared.lock)


def write_new_lock(request: Request, nix: Nix) -> tuple[Path, bool]:
    """Pin anew and write the lock without results; gives its path and whether it changed.

    Raises what pinning the package set and the base images raises.
    """
    description = read_description(request.description)
    path = lock_path(description.path)
    finder = make_finder(description, request, nix)
    lock = Lock(
        description=description.digest,
        package_set=_pin(description, request, nix),
        bases=pin_bases(description, _old_lock(path), finder),
    )
    return path, write_lock(path, lock)


def _old_lock(path: Path) -> Lock | None:
    """The lock that is written anew; one that can't be read is what this mends."""
    try:
        return read_lock(path)
    except LockError:
        return None


def check_lock(request: Request, nix: Nix) -> None:
    """Raise LockError where the lock is missing or does not fit the description or the set."""
    description = read_description(request.description)
    old = read_lock(lock_path(description.path))
    refuse_stale(description.path, old, description.digest, _pin(description, request, nix))
    if old is not None:
        check_bases(description, old, make_finder(description, request, nix))


def _pin(description: Description, request: Request, nix: Nix) -> PinnedSet:
    spec = resolve_all(description, request)[0]
    return pin(spec.packages, nix).package_set
