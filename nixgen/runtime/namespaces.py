"""What bubblewrap and unshare have in common: what they report, and whom to signal."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from nixgen import _process

_APPEARS_WITHIN_S = 2.0
_GONE_WITHIN_S = 10.0
_PAUSE_S = 0.005


class Reported:
    """Reads a status file: `child-pid` is the first process of the namespace, as seen from here.

    The image's program is that one's first child. `exit-code` comes when the program has ended,
    and never when it could not be started.
    """

    def __init__(self, status: Path) -> None:
        self._status = status

    def init_pid(self) -> int | None:
        """The namespace's first process; None while it is not reported."""
        return self._value("child-pid")

    def signal(self, number: int) -> None:
        """Pass a signal to the image's program; waits a little for one that is starting."""
        deadline = time.monotonic() + _APPEARS_WITHIN_S
        while True:
            init = self.init_pid()
            children = () if init is None else _process.child_pids(init)
            if children:
                _process.signal_process(children[0], number)
                return
            if time.monotonic() > deadline or self._value("exit-code") is not None:
                return
            time.sleep(_PAUSE_S)

    def kill(self) -> None:
        """End all processes of the namespace, and wait until they are gone."""
        init = self.init_pid()
        if init is not None and self._value("exit-code") is None:
            _process.signal_process(init, signal.SIGKILL)
            _process.wait_until_gone(init, _GONE_WITHIN_S)

    def explain(self, _exit_code: int, stderr: str) -> str | None:
        """Why nothing ran; None where the program did run."""
        if self._value("exit-code") is not None:
            return None
        return stderr.strip() or "it said nothing"

    def _value(self, key: str) -> int | None:
        for line in self._status.read_text().splitlines():
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if isinstance(document, dict) and isinstance(document.get(key), int):
                value: int = document[key]
                return value
        return None
