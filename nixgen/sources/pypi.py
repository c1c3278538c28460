"""Files of Python packages, by pip and with its own configuration: indexes, logins, proxies.

A wheel is downloaded by `pip download` in its hash-checking mode
(https://pip.pypa.io/en/stable/topics/secure-installs/), for whatever platform it is made. Of a
source archive pip would run the build code; so pip is only asked where it is, and the file is
downloaded as it is.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from nixgen._process import Completed, Runner, find_program, run
from nixgen.digest import Digest
from nixgen.errors import MachineError
from nixgen.sources.answer import Answer, Miss, Obtained, Offer, last_line, read_local, shown_url
from nixgen.sources.download import Downloader
from nixgen.sources.model import PythonPackage

_LINK = re.compile(r"Found link (?P<url>\S+)")
_SETTING = re.compile(r"(?P<section>[^.]*)\.(?P<key>cert|proxy)='(?P<value>.*)'")
_QUESTION_S = 300.0
_HASHES = re.compile(r"(?m)^\s*(Expected|Got)\s+(?:sha256\s+)?([0-9a-f]{64})\s*$")


@dataclass(slots=True, kw_only=True)
class PythonIndexes:
    """Fetches files that the indexes have which pip is set up for. pip is looked for once."""

    downloader: Downloader
    runner: Runner = run
    _pip: tuple[str, ...] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def offers(
        self, origin: PythonPackage, *, digest: Digest, max_bytes: int | None
    ) -> Iterator[Offer]:
        """One offer: pip decides which index has the file. `digest` is a wheel's own pin."""
        where = f"pip's index: {origin.file} of {origin.package} {origin.version}"

        def get(folder: Path) -> Answer:
            pip = self._find_pip()
            if not pip:
                return Miss(reason="pip is not on this machine (Debian has it as python3-pip)")
            try:
                if origin.file.endswith(".whl"):
                    pin = None if origin.member else digest
                    return self._download_wheel(pip, origin, pin, folder)
                return self._download_archive(pip, origin, max_bytes, folder)
            except MachineError as error:
                return Miss(reason=last_line(error.message))

        yield Offer(where=where, get=get, runs_program=True)

    def _find_pip(self) -> tuple[str, ...]:
        """How to start pip, or nothing: a virtual environment may well be without it."""
        with self._lock:
            if self._pip is None:
                self._pip = next((argv for argv in _pips() if self._works(argv)), ())
            return self._pip

    def _works(self, argv: Sequence[str]) -> bool:
        try:
            return self.runner([*argv, "--version"], timeout_s=_QUESTION_S).exit_code == 0
        except MachineError:
            return False

    def _download_wheel(
        self, pip: Sequence[str], origin: PythonPackage, pin: Digest | None, folder: Path
    ) -> Answer:
        try:
            selection = _wheel_options(origin.file)
        except InvalidWheelFilename as error:
            return Miss(reason=str(error))
        wanted = f"{origin.package}=={origin.version}"
        pinned = f"{wanted} --hash=sha256:{pin.hex}" if pin else wanted
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{pinned}\n", encoding="utf-8")
        files = folder / "files"
        done = self._ask(
            pip,
            *("download", "--quiet", "--no-deps", "--progress-bar=off", "--no-input"),
            *("--ignore-requires-python", "--only-binary=:all:", *selection),
            *(["--require-hashes"] if pin else []),
            *("--dest", str(files), "--requirement", str(requirements)),
            timeout_s=self.downloader.limits.total_s,
        )
        path = files / origin.file
        if done.exit_code != 0:
            return _failure(done)
        if not path.is_file():
            return Miss(reason="pip downloaded another file than the one named")
        return Obtained(path=path, digest=Digest.of_file(path))

    def _download_archive(
        self, pip: Sequence[str], origin: PythonPackage, max_bytes: int | None, folder: Path
    ) -> Answer:
        done = self._ask(
            pip,
            *("index", "versions", "-vv", "--no-color", "--no-input", "--pre"),
            *("--ignore-requires-python", "--no-binary=:all:", origin.package),
            timeout_s=_QUESTION_S,
        )
        said = done.stdout.decode(errors="replace") + done.stderr
        links = [match["url"] for match in _LINK.finditer(said)]
        link = next((url for url in links if _file_of(url) == origin.file), None)
        if link is None:
            reason = f"pip says: {last_line(done.stderr)}" if done.exit_code else "has no such file"
            return Miss(reason=reason)
        if urlsplit(link).scheme == "file":
            return read_local(Path(unquote(urlsplit(link).path)))
        if "****" in urlsplit(link).netloc:
            return Miss(reason=f"{shown_url(link)} needs a login that only pip has")
        settings = self._settings(pip)
        return self.downloader.get(
            link.partition("#")[0],
            folder / origin.file,
            max_bytes=max_bytes,
            certificates=settings.get("cert"),
            proxy=settings.get("proxy"),
        )

    def _settings(self, pip: Sequence[str]) -> dict[str, str]:
        """pip's own certificates and proxy; the environment's take precedence over the files'."""
        done = self._ask(pip, "config", "list", timeout_s=_QUESTION_S)
        found: dict[str, dict[str, str]] = {"global": {}, ":env:": {}}
        for line in done.stdout.decode(errors="replace").splitlines():
            if (match := _SETTING.fullmatch(line)) and match["section"] in found:
                found[match["section"]][match["key"]] = match["value"]
        return {**found["global"], **found[":env:"]}

    def _ask(self, pip: Sequence[str], *arguments: str, timeout_s: float) -> Completed:
        environment = {
            **os.environ,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            # why: constraints choose among versions, and here the very file is chosen already.
            "PIP_CONSTRAINT": os.devnull,
        }
        return self.runner([*pip, *arguments], env=environment, timeout_s=timeout_s)


def _pips() -> Iterator[tuple[str, ...]]:
    if importlib.util.find_spec("pip") is not None:
        yield (sys.executable, "-m", "pip")
    for program in ("pip3", "pip"):
        if find_program(program):
            yield (program,)
    if find_program("python3"):
        yield ("python3", "-m", "pip")


def _wheel_options(file: str) -> list[str]:
    """What makes pip choose a wheel of these tags on any machine."""
    tags = sorted(parse_wheel_filename(file)[3], key=str)
    options = [f"--platform={platform}" for platform in sorted({tag.platform for tag in tags})]
    options += [f"--abi={abi}" for abi in sorted({tag.abi for tag in tags})]
    interpreter = max(tag.interpreter for tag in tags)
    return [
        *options,
        f"--implementation={interpreter[:2]}",
        f"--python-version={interpreter[2:] or '3'}",
    ]


def _failure(done: Completed) -> Miss:
    hashes = dict(_HASHES.findall(done.stderr))
    if "Got" in hashes:
        return Miss(reason=f"SHA-256 is {hashes['Got']}", wrong_content=True)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    return Miss(reason=f"pip says: {last_line(chr(10).join(errors) or done.stderr)}")


def _file_of(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])
