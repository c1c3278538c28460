"""The places that a source can come from on this machine, in the order they are tried.

Folders that the user names, nixgen's own download cache, then, unless the machine is offline,
where each source is published: the package managers' own configuration first, then upstream.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nixgen._process import Runner, run
from nixgen.aside import scratch_folder
from nixgen.errors import MachineError, UsageError
from nixgen.folders import cache_folder
from nixgen.sources.answer import Answer, Miss, Obtained, Offer, read_local, shown_url
from nixgen.sources.debian import DebianArchives
from nixgen.sources.download import Downloader
from nixgen.sources.member import extract_member
from nixgen.sources.model import (
    DebianSource,
    NpmPackage,
    Origin,
    PythonPackage,
    Source,
    Upstream,
)
from nixgen.sources.npm import NpmRegistry
from nixgen.sources.pypi import PythonIndexes

SOURCES_VARIABLE = "NIXGEN_SOURCES"
OFFLINE_VARIABLE = "NIXGEN_OFFLINE"


class Place(Protocol):
    """Somewhere that may have a source."""

    def offers(self, source: Source) -> Iterator[Offer]:
        """What to try for this source, best first. Nothing where it can't have the source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineFolder:
    """A folder with sources by file name, such as `nixgen sources --fetch` makes."""

    path: Path

    def offers(self, source: Source) -> Iterator[Offer]:
        """The file of that name."""
        file = self.path / source.file
        yield Offer(where=f"the folder {self.path}", get=lambda _folder: read_local(file))


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadCache:
    """What nixgen downloaded before: `<sha256>/<file name>` below `root`."""

    root: Path

    def offers(self, source: Source) -> Iterator[Offer]:
        """The file, if it is there and whole; a damaged one is removed."""
        path = self.path_of(source)
        if path.is_file():
            yield Offer(where="the download cache", get=lambda _folder: self._read(source))

    def path_of(self, source: Source) -> Path:
        """Where the source is kept, whether or not it is there."""
        return self.root / source.digest.hex / source.file

    def keep(self, source: Source, path: Path) -> Path:
        """Move a checked file from the workspace into the cache; gives where it is now."""
        kept = self.path_of(source)
        with _explained(f"the download cache {self.root}"):
            kept.parent.mkdir(parents=True, exist_ok=True)
            path.chmod(0o644)
            path.replace(kept)
        return kept

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder for unfinished work, on the cache's own file system, gone afterwards."""
        with contextlib.ExitStack() as stack:
            with _explained(f"the download cache {self.root}"):
                self.root.mkdir(parents=True, exist_ok=True)
                work = scratch_folder(self.root, prefix=".unfinished-")
                folder = stack.enter_context(work)
            yield folder

    def _read(self, source: Source) -> Answer:
        answer = read_local(self.path_of(source))
        if isinstance(answer, Obtained) and answer.digest != source.digest:
            # why not wrong_content: nobody else's fault, and mended by this.
            self.path_of(source).unlink(missing_ok=True)
            return Miss(reason="was damaged there, removed")
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishers:
    """Where a source is published, in the catalogue's order."""

    debian: DebianArchives
    python: PythonIndexes
    npm: NpmRegistry
    downloader: Downloader

    def offers(self, source: Source) -> Iterator[Offer]:
        """An offer for each way to each origin."""
        for origin in source.origins:
            for offer in self._offers(origin, source):
                if origin.member is None:
                    yield offer
                else:
                    yield _unpacking(offer, origin.member, source)

    def _offers(self, origin: Origin, source: Source) -> Iterator[Offer]:
        # why None: how large a carrier is that has the file within it, the catalogue can't say.
        max_bytes = None if origin.member else source.size_bytes
        match origin:
            case DebianSource():
                yield from self.debian.offers(origin, max_bytes=max_bytes)
            case PythonPackage():
                yield from self.python.offers(origin, digest=source.digest, max_bytes=max_bytes)
            case NpmPackage():
                yield from self.npm.offers(origin)
            case Upstream(url=url):
                yield Offer(
                    where=shown_url(url),
                    get=lambda folder: self.downloader.get(
                        url, folder / source.file, max_bytes=max_bytes
                    ),
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """All that is needed to get sources on this machine. `places` are tried in their order."""

    places: tuple[Place, ...]
    cache: DownloadCache
    downloader: Downloader = field(default_factory=Downloader)
    offline: bool = False


def make_supply(
    environ: Mapping[str, str],
    *,
    folders: Sequence[Path] = (),
    offline: bool = False,
    downloader: Downloader | None = None,
    runner: Runner = run,
) -> Supply:
    """The supply of this machine.

    `folders` come first, then those of NIXGEN_SOURCES (separated by `:`). `offline`, or
    NIXGEN_OFFLINE set to other than 0, leaves out everything that needs a network. The cache is
    `nixgen/sources` in XDG_CACHE_HOME. Raises UsageError when a folder that is named is not there.
    """
    named = [
        *folders,
        *(Path(part) for part in environ.get(SOURCES_VARIABLE, "").split(":") if part),
    ]
    for folder in named:
        if not folder.is_dir():
            raise UsageError(
                f"the folder with sources {folder} is not there",
                hint=f"nixgen sources --fetch {folder}  (on a machine with a network) makes it",
            )
    cache = DownloadCache(root=cache_folder(environ) / "sources")
    downloader = downloader or Downloader()
    offline = offline or environ.get(OFFLINE_VARIABLE, "0") not in ("", "0")
    places: list[Place] = [OfflineFolder(path=folder) for folder in dict.fromkeys(named)]
    places.append(cache)
    if not offline:
        places.append(
            Publishers(
                debian=DebianArchives(downloader=downloader, runner=runner),
                python=PythonIndexes(downloader=downloader, runner=runner),
                npm=NpmRegistry(timeout_s=downloader.limits.total_s, runner=runner),
                downloader=downloader,
            )
        )
    return Supply(places=tuple(places), cache=cache, downloader=downloader, offline=offline)


def _unpacking(offer: Offer, member: str, source: Source) -> Offer:
    """The same offer for a file that is within the one offered."""

    def get(folder: Path) -> Answer:
        carrier = folder / "carrier"
        carrier.mkdir()
        answer = offer.get(carrier)
        if isinstance(answer, Miss):
            return answer
        target = folder / source.file
        return extract_member(answer.path, member, target, max_bytes=source.size_bytes)

    where = f"{offer.where}, in it {member}"
    return Offer(where=where, get=get, runs_program=offer.runs_program)


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MachineError(f"can't write {what}: {error.strerror}") from error
