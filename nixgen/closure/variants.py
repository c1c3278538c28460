"""Smaller packages of a set that may stand in place of those that a description names.

Only such are here as give the same commands and the same meaning in a container: what they lack is
said with them. Those that lack more are for whoever asks, see `nixgen.closure.alternatives`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nixgen.closure.rules import Mode

EVERY = "*"
"""In a list of packages that stay as named: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Packages, by a pattern that fits their whole names, and what may stand in their place.

    `others` are attribute paths, the first that a set has counts; `\\1` stands for what the
    pattern's group fits. `names` and `lacks` say for people which packages these are, and what the
    smaller ones do without.
    """

    pattern: str
    others: tuple[str, ...]
    names: str
    lacks: str

    def candidates(self, name: str) -> tuple[str, ...]:
        """What may stand in place of a package; nothing where it is none of these."""
        found = re.fullmatch(self.pattern, name)
        return () if found is None else tuple(found.expand(other) for other in self.others)


SAFE_VARIANTS = (
    Variant(
        pattern=r"(ffmpeg(?:_[0-9]+)?)",
        others=(r"\1-headless",),
        names="ffmpeg, ffmpeg_7 …",
        lacks="ffplay; sound by PulseAudio, windows by SDL, decoding by VDPAU",
    ),
    Variant(
        pattern=r"(graphviz)",
        others=(r"\1-nox",),
        names="graphviz",
        lacks="output into an X window (-Txlib)",
    ),
    Variant(
        pattern=r"(mupdf)",
        others=(r"\1-headless",),
        names="mupdf",
        lacks="the viewers: mupdf, mupdf-gl, mupdf-x11",
    ),
    Variant(
        pattern=r"(emacs(?:[0-9]+)?)",
        others=(r"\1-nox",),
        names="emacs, emacs30 …",
        lacks="windows, and the images and fonts that are drawn in them",
    ),
    Variant(
        pattern=r"(wireshark)",
        others=(r"\1-cli",),
        names="wireshark",
        lacks="the program wireshark, which is a window",
    ),
    Variant(
        pattern=r"(erlang|elixir)",
        others=(r"beamMinimalPackages.\1",),
        names="erlang, elixir",
        lacks="wx, the library for windows, and what draws by it (observer); sockets of systemd",
    ),
)
"""What `safe` and `tight` take, where a set has it."""


def candidates_of(name: str) -> tuple[str, ...]:
    """What may stand in place of a package, the best first; nothing for most."""
    return tuple(other for each in SAFE_VARIANTS for other in each.candidates(name))


def choose_candidates(
    contents: Sequence[str], *, mode: Mode, as_named: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """What may stand in place of each package, by its name, in the order of `contents`."""
    kept = set(as_named)
    if mode == "none" or EVERY in kept:
        return {}
    wanted = {name: candidates_of(name) for name in contents if name not in kept}
    return {name: others for name, others in wanted.items() if others}


def needless_names(contents: Sequence[str], as_named: Iterable[str]) -> tuple[str, ...]:
    """Those of `as_named` that keep nothing: nothing would stand in place of such a package."""
    there = {name for name in contents if candidates_of(name)}
    return tuple(name for name in as_named if name != EVERY and name not in there)


def format_variants(variants: Mapping[str, str]) -> tuple[str, ...]:
    """Which packages were taken in place of which, a line each."""
    return tuple(f"{other} in place of {name}" for name, other in variants.items())
