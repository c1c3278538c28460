"""Files of Debian source packages, from the archives that this machine's apt is set up for.

A fresh Debian names no source archives (`deb-src`), but an archive that has the binary packages
has their sources in the same pool. So the archives are derived from apt's own list of what
`apt-get update` would fetch: apt itself reads its configuration, in whatever form that is
(https://manpages.debian.org/sources.list), and nothing need have been fetched before.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from nixgen._process import Runner, find_program, run
from nixgen.digest import Digest
from nixgen.errors import MachineError
from nixgen.sources.answer import Answer, Miss, Obtained, Offer, last_line, read_local, shown_url
from nixgen.sources.download import Downloader
from nixgen.sources.model import DebianSource

_INDEX = re.compile(r"'(?P<base>[^']+)/dists/[^']+/main/(?:binary|source)[^'/]*/[^'/]+' ")
_APT_HELPER = Path("/usr/lib/apt/apt-helper")
_QUESTION_S = 60.0
# Settings of apt that a download of our own would not honour, and that apt's would.
_APT_ONLY = re.compile(
    r"^Acquire::https?::(?:.*::)?"
    r"(?:Proxy|Proxy-?Auto-?Detect|CaInfo|CaPath|SslCert|SslKey|Verify-Peer|Verify-Host)"
    r"(?:::[^ ]*)? \S",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archives:
    """The archives of this machine, in apt's order, or why there are none.

    `through_apt`: apt's own downloader must fetch, since it has proxies, logins or certificates
    set that only it honours.
    """

    bases: tuple[str, ...] = ()
    through_apt: bool = False
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class DebianArchives:
    """Fetches files of Debian source packages. apt is asked for its archives once, when needed."""

    downloader: Downloader
    runner: Runner = run
    _archives: Archives | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def offers(self, origin: DebianSource, *, max_bytes: int | None) -> Iterator[Offer]:
        """One offer for each archive."""
        archives = self.archives()
        if not archives.bases:
            yield Offer(where="apt's archives", get=lambda _folder: Miss(reason=archives.reason))
        for base in archives.bases:
            # why quote: a mirror may take the `+` and `~` of versions for something else.
            url = f"{base}/{origin.path}/{quote(origin.file, safe='+~:')}"
            yield self._offer(url, archives, max_bytes)

    def archives(self) -> Archives:
        """The archives that apt is set up for; raises nothing."""
        with self._lock:
            if self._archives is None:
                try:
                    self._archives = self._ask()
                except MachineError as error:
                    self._archives = Archives(reason=f"can't ask apt: {last_line(error.message)}")
            return self._archives

    def _ask(self) -> Archives:
        if find_program("apt-get") is None:
            return Archives(reason="apt-get is not on this machine")
        environment = {**os.environ, "LC_ALL": "C"}
        listing = self.runner(
            ["apt-get", "update", "--print-uris"], env=environment, timeout_s=_QUESTION_S
        )
        bases = tuple(
            dict.fromkeys(
                match["base"].rstrip("/")
                for line in listing.stdout.decode(errors="replace").splitlines()
                if (match := _INDEX.match(line))
            )
        )
        if not bases:
            said = f": {last_line(listing.stderr)}" if listing.exit_code else ""
            return Archives(reason=f"apt is set up for no Debian archive{said}")
        options = self.runner(
            ["apt-config", "dump", "--format", "%F %v%n", "Acquire::http", "Acquire::https"],
            env=environment,
            timeout_s=_QUESTION_S,
        ).stdout.decode(errors="replace")
        special = any(_APT_ONLY.match(line) for line in options.splitlines())
        return Archives(bases=bases, through_apt=special or self._has_logins(environment))

    def _has_logins(self, environment: dict[str, str]) -> bool:
        """Whether apt has logins for archives (https://manpages.debian.org/apt_auth.conf)."""
        answer = self.runner(
            ["apt-config", "shell", "FILE", "Dir::Etc::netrc/f", "DIR", "Dir::Etc::netrcparts/d"],
            env=environment,
            timeout_s=_QUESTION_S,
        ).stdout.decode(errors="replace")
        places = dict(re.findall(r"(?m)^(FILE|DIR)='([^'\n]*)'$", answer))
        folder = Path(places["DIR"]) if "DIR" in places else None
        has_parts = folder is not None and folder.is_dir() and any(folder.glob("*.conf"))
        return has_parts or ("FILE" in places and Path(places["FILE"]).is_file())

    def _offer(self, url: str, archives: Archives, max_bytes: int | None) -> Offer:
        where, scheme = shown_url(url), urlsplit(url).scheme
        name = unquote(url.rpartition("/")[2])
        if scheme in ("file", "copy"):
            path = Path(unquote(urlsplit(url).path))
            return Offer(where=where, get=lambda _folder: read_local(path))
        if scheme in ("http", "https") and not archives.through_apt:
            return Offer(
                where=where,
                get=lambda folder: self.downloader.get(url, folder / name, max_bytes=max_bytes),
            )
        return Offer(
            where=where, get=lambda folder: self._by_apt(url, folder / name), runs_program=True
        )

    def _by_apt(self, url: str, target: Path) -> Answer:
        if not _APT_HELPER.is_file():
            return Miss(reason=f"only apt can reach it, and {_APT_HELPER} is missing")
        limits = self.downloader.limits
        argv = [str(_APT_HELPER), "-o", f"Acquire::Retries={limits.tries}"]
        try:
            done = self.runner(
                [*argv, "download-file", url, str(target)],
                env={**os.environ, "LC_ALL": "C"},
                timeout_s=limits.total_s,
            )
        except MachineError as error:
            return Miss(reason=last_line(error.message))
        if done.exit_code != 0 or not target.is_file():
            errors = [line for line in done.stderr.splitlines() if line.startswith("E: ")]
            return Miss(reason=f"apt says: {last_line((errors or [done.stderr])[0])}")
        return Obtained(path=target, digest=Digest.of_file(target))
