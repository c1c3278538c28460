"""Tarballs of npm packages, by npm and with its own configuration: registry, logins, proxies.

`npm pack` downloads the tarball of a published version as it is, and runs none of its scripts
(npm-pack(1)).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nixgen._process import Runner, find_program, run
from nixgen.digest import Digest
from nixgen.errors import MachineError
from nixgen.sources.answer import Answer, Miss, Obtained, Offer, last_line, without_logins
from nixgen.sources.model import NpmPackage

_ERROR = re.compile(r"npm (?:error|ERR!) (?!code )(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmRegistry:
    """Fetches tarballs from the registry that npm is set up for."""

    timeout_s: float
    runner: Runner = run

    def offers(self, origin: NpmPackage) -> Iterator[Offer]:
        """One offer: npm decides which registry has the package."""
        yield Offer(
            where=f"npm's registry: {origin.package} {origin.version}",
            get=lambda folder: self._pack(origin, folder),
            runs_program=True,
        )

    def _pack(self, origin: NpmPackage, folder: Path) -> Answer:
        if find_program("npm") is None:
            return Miss(reason="npm is not on this machine")
        files = folder / "files"
        files.mkdir()
        options = ["--ignore-scripts", "--no-update-notifier", "--no-audit", "--no-fund"]
        try:
            # why files: in a folder of its own npm finds no project whose settings it would take.
            done = self.runner(
                ["npm", "pack", *options, f"{origin.package}@{origin.version}"],
                env={**os.environ, "NO_COLOR": "1"},
                cwd=files,
                timeout_s=self.timeout_s,
            )
        except MachineError as error:
            return Miss(reason=last_line(error.message))
        packed = sorted(files.glob("*.tgz"))
        if done.exit_code != 0 or len(packed) != 1:
            return Miss(reason=f"npm says: {_telling_line(done.stderr)}")
        return Obtained(path=packed[0], digest=Digest.of_file(packed[0]))


def _telling_line(stderr: str) -> str:
    """npm says first a code, then what happened, then much else."""
    lines = [line.strip() for line in without_logins(stderr).splitlines() if line.strip()]
    errors = [match[1] for line in lines if (match := _ERROR.match(line))]
    return (errors or lines or ["nothing"])[0]
