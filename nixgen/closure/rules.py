"""The rules by which files of store paths are left out of an image.

Each names what it leaves out by patterns relative to a store path. None of them takes what a
program reads when it runs: what only people read, or only a compiler, a linker or a debugger needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from nixgen.closure.packages import PackagePattern
from nixgen.globs import matches, matches_any

Mode = Literal["none", "safe", "tight"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that is left out; `doc` says what it is, for people."""

    name: str
    doc: str
    patterns: tuple[str, ...]

    def takes(self, file: str) -> bool:
        """Whether a file, relative to its store path, falls under the rule."""
        return matches_any(self.patterns, file)


SAFE_RULES = (
    Rule(name="man", doc="manual pages", patterns=("share/man", "man")),
    Rule(name="info", doc="Info manuals", patterns=("share/info", "info")),
    Rule(
        name="docs",
        doc="documentation, but for licences",
        patterns=("share/doc", "share/gtk-doc", "share/devhelp", "share/help", "doc"),
    ),
    Rule(name="headers", doc="headers of C and C++", patterns=("include",)),
    Rule(name="static-libraries", doc="static libraries", patterns=("lib/**/*.a",)),
    Rule(
        name="build-files",
        doc="what compilers and build systems look for",
        patterns=(
            "lib/**/*.la",
            "lib/pkgconfig",
            "share/pkgconfig",
            "lib/cmake",
            "share/cmake",
            "share/aclocal",
            "nix-support",
        ),
    ),
    Rule(
        name="debug",
        doc="debug information that stands apart",
        patterns=("lib/debug", "**/*.debug", "**/*.dwo", "**/*.dwp"),
    ),
    Rule(
        name="completions",
        doc="completions for interactive shells",
        patterns=(
            "share/bash-completion",
            "share/zsh/site-functions",
            "share/fish/vendor_completions.d",
            "etc/bash_completion.d",
        ),
    ),
    Rule(
        name="test-byte-code",
        doc="byte code of Python's tests",
        patterns=("lib/python*/**/test/**/*.pyc", "lib/python*/**/tests/**/*.pyc"),
    ),
)
"""What `safe` and `tight` leave out, in the order in which rules are asked."""

_SAFE_PATTERNS = tuple(pattern for rule in SAFE_RULES for pattern in rule.patterns)

# why: whoever hands on a program has to hand on its licence.
_LICENCE = re.compile(r"(?i)(.*/)?(licen[cs]e|copying|copyright|notice|authors)[^/]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimising:
    """What an image leaves out.

    `keep` and `drop` are patterns relative to store paths; `keep` goes before everything else.
    `keep_paths` are patterns of the names of store paths, without their hash, that stay although
    nothing refers to them. `cuts` are pairs of packages: references of the first to the second are
    overwritten.
    """

    mode: Mode = "none"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    keep_paths: tuple[str, ...] = ()
    cuts: tuple[tuple[PackagePattern, PackagePattern], ...] = ()

    @property
    def leaves_out_nothing(self) -> bool:
        """Whether every file stays as it is."""
        return self.mode == "none" and not self.drop and not self.cuts

    def as_json(self) -> dict[str, Any]:
        """All that decides what is left out, the rules themselves included."""
        rules = {rule.name: list(rule.patterns) for rule in SAFE_RULES}
        return {
            "minimise": self.mode,
            "keep": list(self.keep),
            "drop": list(self.drop),
            "keep-paths": list(self.keep_paths),
            "cut": [[source.text, target.text] for source, target in self.cuts],
            "rules": {} if self.mode == "none" else {**rules, "licences": _LICENCE.pattern},
        }

    def reason(self, file: str) -> str | None:
        """The name of the rule, or the pattern, by which a file is left out; None for one kept."""
        # why: most files fall under no pattern at all, which one look tells.
        is_safe = self.mode == "none" or not matches_any(_SAFE_PATTERNS, file)
        if (is_safe and not matches_any(self.drop, file)) or matches_any(self.keep, file):
            return None
        for pattern in self.drop:
            if matches(pattern, file):
                return pattern
        if is_safe or _LICENCE.fullmatch(file):
            return None
        return next((rule.name for rule in SAFE_RULES if rule.takes(file)), None)
