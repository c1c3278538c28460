"""Whether a trimmed image still holds what the programs in it can't start without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nixgen.closure.needs import Need, find_needs, is_there
from nixgen.errors import BuildError, Problem
from nixgen.oci import faults
from nixgen.oci.conf import ImageConf
from nixgen.oci.store import StoreRoot, holder_of
from nixgen.oci.tar import walk_store_path
from nixgen.oci.trimmed import is_absent

_SHOWN = 20


def refuse_broken(whole: ImageConf, trimmed: ImageConf, *, store: StoreRoot) -> None:
    """Raise BuildError where trimming took what a kept program or script needs to start.

    What was not there before either is not trimming's fault.
    """
    # why: most images lose nothing, and every program would be opened to find that out.
    if trimmed == whole:
        return
    broken = list(find_broken(whole, trimmed, store=store))
    if not broken:
        return
    problems = [
        Problem(message=f"{need.file} needs the {need.what} {need.places[0]}, which is not left")
        for need in broken[:_SHOWN]
    ]
    left = len(broken) - len(problems)
    more = f" ({left} more are not shown)" if left else ""
    raise BuildError(
        f"what is left out or cut is needed{more}",
        problems=problems,
        hint="name the file in [closure] keep, take the cut back, or leave out what needs it too",
    )


def find_broken(whole: ImageConf, trimmed: ImageConf, *, store: StoreRoot) -> Iterator[Need]:
    """The needs that the whole image meets and the trimmed one does not, in the layers' order."""
    before, after = set(whole.store_paths), set(trimmed.store_paths)
    cuts = set(trimmed.cuts)

    def find_before(path: str) -> Path | None:
        return store.physical(path) if holder_of(path) in before else None

    def find_after(path: str) -> Path | None:
        if holder_of(path) not in after or is_absent(path, trimmed.absent):
            return None
        return store.physical(path)

    for path in trimmed.store_paths:
        for name, place, _ in walk_store_path(path, store, absent=trimmed.absent):
            try:
                for need in find_needs(name, store.physical(name)):
                    before_places = [each for each in need.places if is_there(each, find_before)]
                    if before_places and not any(
                        is_there(each, find_after)
                        for each in before_places
                        if (path, holder_of(each)) not in cuts
                    ):
                        yield need
            except OSError as error:
                raise faults.unreadable(place.decode(errors="replace"), error) from error
