"""Several blobs at a time: one failure ends the others, and bytes are told as they move."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from nixgen.digest import Digest
from nixgen.errors import InterruptedByUserError
from nixgen.progress import BytesMoved
from nixgen.registry.client import Registry

Result = TypeVar("Result")


class Moved:
    """Bytes of all transfers together, told to the reporter; safe for threads."""

    def __init__(self, registry: Registry, what: str, total_bytes: int) -> None:
        self._reporter = registry.reporter
        self._what = what
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """So many bytes more have moved."""
        with self._lock:
            self._done_bytes += count
            self._tell()

    def leave_out(self, size_bytes: int) -> None:
        """So many bytes need not move at all."""
        with self._lock:
            self._total_bytes -= size_bytes
            self._tell()

    def _tell(self) -> None:
        # why max: what is sent again after a failure counts again.
        total_bytes = max(self._total_bytes, self._done_bytes)
        event = BytesMoved(what=self._what, done_bytes=self._done_bytes, total_bytes=total_bytes)
        self._reporter.report(event)


def run_all(
    registry: Registry, tasks: Mapping[Digest, Callable[[], Result]]
) -> dict[Digest, Result]:
    """The results of tasks that run side by side, begun in the order given.

    Raises what the first one raises that fails; the others are stopped and have ended then.
    """
    with ThreadPoolExecutor(max_workers=max(1, registry.limits.jobs)) as pool:
        waiting = {digest: pool.submit(task) for digest, task in tasks.items()}
        was_stopped = registry.stopped.is_set()
        try:
            wait(waiting.values(), return_when=FIRST_EXCEPTION)
            if any(future.done() and future.exception() for future in waiting.values()):
                _raise_cause(registry, pool, list(waiting.values()))
            return {digest: future.result() for digest, future in waiting.items()}
        finally:
            if not all(future.done() for future in waiting.values()):
                registry.stopped.set()
            pool.shutdown(cancel_futures=True)
            if not was_stopped:
                registry.stopped.clear()


def _raise_cause(
    registry: Registry, pool: ThreadPoolExecutor, futures: list[Future[Result]]
) -> None:
    registry.stopped.set()
    pool.shutdown(cancel_futures=True)
    errors = [future.exception() for future in futures if not future.cancelled()]
    found = [error for error in errors if error is not None]
    # why: those that were stopped by the failure of another are not the cause.
    found.sort(key=lambda error: isinstance(error, InterruptedByUserError))
    raise found[0]
