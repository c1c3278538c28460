"""Several blobs at a time: one failure ends the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from nixgen.digest import Digest
from nixgen.errors import InterruptedByUserError
from nixgen.registry.client import Registry

Result = TypeVar("Result")


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
