"""Starting a test's program: the one place where tests meet the runners of this machine."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from nixgen.imagetest.ports import Server
from nixgen.runtime import Captured, RunnableImage, RunnerInfo, capture, start
from nixgen.spec import Test

MAX_OUTPUT_BYTES = 1 << 20
"""The most that a test's program may write to each of stdout and stderr."""
_PATIENCE_S = 2.0


class Started(Server, Protocol):
    """A server under test; `overflowed` says that it was killed for what it wrote."""

    overflowed: bool

    @property
    def stdout(self) -> bytes:
        """What it has written to stdout so far."""
        ...

    @property
    def stderr(self) -> bytes:
        """What it has written to stderr so far."""
        ...

    def stop(self, grace_s: float) -> int:
        """Ask it to end, kill it after the grace; its exit code."""
        ...


class Programs(Protocol):
    """Runs what tests ask for; nothing of it is left running."""

    @property
    def runner(self) -> str:
        """The name of what runs them."""
        ...

    def capture(self, test: Test) -> Captured:
        """Run the test's program to its end, within its limits; raises NixgenError."""
        ...

    def start(self, test: Test) -> AbstractContextManager[Started]:
        """Run the test's program while the body runs, within its limits; raises NixgenError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePrograms:
    """Runs programs of one image: as its user, its root read-only, by one of the runners."""

    image: RunnableImage
    chosen: RunnerInfo

    @property
    def runner(self) -> str:
        """The name of what runs them."""
        return self.chosen.name

    def capture(self, test: Test) -> Captured:
        """See `Programs.capture`."""
        return capture(
            self._image_for(test),
            self.chosen,
            test.run,
            timeout_s=_seconds(test),
            max_output_bytes=MAX_OUTPUT_BYTES,
            stdin=test.stdin.encode(),
            env=dict(test.env),
            network=test.network,
        )

    def start(self, test: Test) -> AbstractContextManager[Started]:
        """See `Programs.start`."""
        return start(
            self._image_for(test),
            self.chosen,
            test.run,
            env=dict(test.env),
            network=test.network,
            # why: whoever asks the ports keeps the time; this is for answers that drip.
            timeout_s=_seconds(test) + _PATIENCE_S,
            max_output_bytes=MAX_OUTPUT_BYTES,
        )

    def _image_for(self, test: Test) -> RunnableImage:
        return self.image if test.user is None else self.image.run_as(*test.user)


def _seconds(test: Test) -> float:
    return test.timeout_ns / 1e9
