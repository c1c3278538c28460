"""The search for one source through all places, and for many of them at once."""

from __future__ import annotations

import contextlib
import itertools
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nixgen.progress import BytesMoved, Notice, Reporter
from nixgen.sources.answer import Miss, Obtained, Offer
from nixgen.sources.model import Source
from nixgen.sources.supply import Supply

WORKERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A source's file, its hash checked, named as the store is to call it; `where` it was."""

    source: Source
    path: Path
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """No place had the source; `tried` are the places with their reasons, in order."""

    source: Source
    tried: tuple[tuple[str, str], ...]
    wrong_content: bool


class Search:
    """Goes through the offers for one source, and stops where a program must be run."""

    def __init__(self, source: Source, supply: Supply, folder: Path) -> None:
        self.source = source
        self.result: Found | NotFound | None = None
        self.failure: Exception | None = None
        self.notices: list[str] = []
        self._supply = supply
        self._folder = folder
        self._tried: list[tuple[str, str]] = []
        self._wrong_content = False
        self._numbers = itertools.count()
        offers = itertools.chain.from_iterable(place.offers(source) for place in supply.places)
        self._offers: Iterator[Offer] = iter(offers)
        self._next: Offer | None = None

    @property
    def ended(self) -> bool:
        """Whether there is a result or a failure."""
        return self.result is not None or self.failure is not None

    def advance(self, *, programs: bool) -> None:
        """Try offers until one serves, none is left or, without `programs`, one needs them."""
        try:
            while self.result is None:
                offer = self._next or next(self._offers, None)
                self._next = None
                if offer is None:
                    self.result = NotFound(
                        source=self.source,
                        tried=tuple(self._tried),
                        wrong_content=self._wrong_content,
                    )
                elif offer.runs_program and not programs:
                    self._next = offer
                    return
                else:
                    self._try(offer)
        except Exception as error:  # why: it is raised anew, in the main thread
            self.failure = error

    def _try(self, offer: Offer) -> None:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir(parents=True)
        answer = offer.get(folder)
        if isinstance(answer, Obtained) and answer.digest != self.source.digest:
            answer = Miss(reason=f"SHA-256 is {answer.digest.hex}", wrong_content=True)
        if isinstance(answer, Miss):
            self._tried.append((offer.where, answer.reason))
            if answer.wrong_content:
                self._wrong_content = True
                expected = f"expected SHA-256 {self.source.digest.hex}"
                self.notices.append(
                    f"warning: {self.source.file} from {offer.where}: {answer.reason}, {expected}"
                )
        else:
            path = self._keep(answer, folder)
            self.result = Found(source=self.source, path=path, where=offer.where)

    def _keep(self, answer: Obtained, folder: Path) -> Path:
        """Where the file can stay under its right name; what is lent is not moved."""
        if answer.lent and answer.path.name == self.source.file:
            return answer.path
        own = answer.path
        if answer.lent:
            own = folder / "copy"
            shutil.copyfile(answer.path, own)
        return self._supply.cache.keep(self.source, own)


def search_all(
    sources: Sequence[Source], supply: Supply, reporter: Reporter, take: Callable[[Found], None]
) -> list[NotFound]:
    """Search for all sources at once; `take` each, in the main thread, as it is found.

    Gives what was not found, in the order of `sources`. Raises what `take` raises, and OSError
    or MachineError where this machine fails; then, and on an interrupt, it waits for nothing.
    """
    missing: list[NotFound] = []
    total = sum(source.size_bytes for source in sources)
    done = 0
    with supply.cache.workspace() as workspace, _stopping(supply):
        searches = [
            Search(source, supply, workspace / str(number)) for number, source in enumerate(sources)
        ]
        for search in _advanced(searches):
            for text in search.notices:
                reporter.report(Notice(text=text))
            if search.failure is not None:
                raise search.failure
            if isinstance(search.result, Found):
                take(search.result)
            elif search.result is not None:
                missing.append(search.result)
            done += search.source.size_bytes
            reporter.report(BytesMoved(what="fetched", done_bytes=done, total_bytes=total))
    order = {source.name: number for number, source in enumerate(sources)}
    return sorted(missing, key=lambda one: order[one.source.name])


def _advanced(searches: Sequence[Search]) -> Iterator[Search]:
    """Each search once it has ended, in whatever order they end.

    Threads do what needs no program; this thread runs the programs, since an interrupt, which
    must end them, reaches no other. The threads don't keep the process alive.
    """
    waiting: queue.SimpleQueue[Search] = queue.SimpleQueue()
    advanced: queue.SimpleQueue[Search] = queue.SimpleQueue()
    for search in searches:
        waiting.put(search)

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                search = waiting.get_nowait()
                search.advance(programs=False)
                advanced.put(search)

    for _ in range(min(WORKERS, len(searches))):
        threading.Thread(target=work, name="nixgen-sources", daemon=True).start()
    for _ in searches:
        search = advanced.get()
        if not search.ended:
            search.advance(programs=True)
        yield search


@contextlib.contextmanager
def _stopping(supply: Supply) -> Iterator[None]:
    """Ends the downloads that still run when something goes wrong."""
    try:
        yield
    except BaseException:
        supply.downloader.stopped.set()
        raise
