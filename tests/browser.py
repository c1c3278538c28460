"""Chromium without a screen, driven through a pipe by its own protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ANSWER_TIMEOUT_S = 120
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
    "--window-size=1280,1000",
)
_KEY_CODES = {
    "Enter": 13,
    "Escape": 27,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


class Page:
    """A tab. `complaints` is what the page's console told of errors, `requests` what it loaded."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer = b""
        self._count = 0
        self._session: str | None = None
        self._events: list[Any] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Load a page whole, and forget what was told of the one before."""
        # why: an address that differs from the last one behind `#` alone loads nothing.
        for address in ("about:blank", url):
            self._events.clear()
            told = self._call("Page.navigate", url=address)
            assert "errorText" not in told, told
            while not any(event["method"] == "Page.loadEventFired" for event in self._events):
                self._events.append(self._read())

    def evaluate(self, script: str) -> Any:
        """The value of an expression, waited for where it is a promise."""
        told = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def show(self, address: str) -> None:
        """Go to what stands behind `#` in the page's address."""
        self.evaluate(f"location.hash = {json.dumps(address)}; {_SETTLED}")

    def click(self, selector: str) -> None:
        """Click the middle of an element, or of its first line, as a mouse does."""
        place = self.evaluate(
            f"""(() => {{
              const element = document.querySelector({json.dumps(selector)});
              element.scrollIntoView({{ block: "center" }});
              const [box] = element.getClientRects();
              return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        self._click_at(*place)

    def _click_at(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.evaluate(_SETTLED)

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            code = _KEY_CODES[key]
            for kind in ("rawKeyDown", "keyUp"):
                self._call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)
            self.evaluate(_SETTLED)

    def type(self, text: str) -> None:
        """Type text where the focus is."""
        self._call("Input.insertText", text=text)
        self.evaluate(_SETTLED)

    def print(self) -> bytes:
        """The page as PDF."""
        told = self._call("Page.printToPDF", printBackground=False)
        return base64.b64decode(told["data"])

    def prefer(self, scheme: str) -> None:
        """Let the user prefer `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=features)

    @property
    def complaints(self) -> list[str]:
        """What went wrong since the page was opened, as the console tells it."""
        told = []
        for event in self._events:
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                told.append(str(params["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded":
                told.append(params["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled":
                told.append(str(params["args"]))
        return told

    @property
    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was opened."""
        return [
            event["params"]["request"]["url"]
            for event in self._events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def _call(self, method: str, **params: Any) -> Any:
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._events.append(answer)

    def _read(self) -> Any:
        deadline = time.monotonic() + _ANSWER_TIMEOUT_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], deadline - time.monotonic())
            assert ready, "the browser does not answer"
            data = os.read(self._answers, 1 << 20)
            assert data, "the browser has ended"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


# why two turns: an address that has changed is told to the page in a turn of its own.
_SETTLED = "new Promise((done) => setTimeout(() => setTimeout(() => done(true))))"


@contextmanager
def open_browser(profile: Path) -> Iterator[Page]:
    """Start Chromium with a profile folder of its own; it is gone afterwards."""
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    assert browser is not None, f"no browser: none of {', '.join(_NAMES)} is on PATH"
    script = 'exec "$1" "${@:4}" 3<&"$2" 4>&"$3"'
    pipes = [str(read_commands), str(write_answers)]
    arguments = [browser, *pipes, *_OPTIONS, f"--user-data-dir={profile}"]
    with (profile.parent / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", *arguments],
            pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    os.close(read_commands)
    os.close(write_answers)
    try:
        yield Page(commands, answers)
    finally:
        os.close(commands)
        os.close(answers)
        process.terminate()
        process.wait(timeout=_ANSWER_TIMEOUT_S)
