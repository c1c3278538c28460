"""What came of alternatives that were tried, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nixgen.closure.alternatives import Alternative
from nixgen.errors import UsageError
from nixgen.imagetest import TestReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """An image that was built and tested: its layers as stored and as tars, in bytes.

    `tests` is None where the description has none.
    """

    size_bytes: int
    unpacked_bytes: int
    tests: TestReport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one alternative: `weighed`, or the `reason` why nothing did.

    `saved_bytes` are as stored; `lines` say in TOML what the alternative changes.
    """

    alternative: Alternative
    lines: tuple[str, ...]
    weighed: Weighed | None = None
    saved_bytes: int = 0
    reason: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether it saves something, and every test passed on it."""
        tests = None if self.weighed is None else self.weighed.tests
        return self.saved_bytes > 0 and tests is not None and tests.verdict == "passed"

    @property
    def order(self) -> tuple[bool, int, int, str]:
        """Those that save most come first, those that were not built last."""
        unpacked_bytes = 0 if self.weighed is None else self.weighed.unpacked_bytes
        return self.weighed is None, -self.saved_bytes, unpacked_bytes, self.alternative.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Slimming:
    """The image as described, and what came of each alternative, best first."""

    platform: str
    described: Weighed
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alternatives are built: those in `names`, or all that need no build of packages.

    With `builds` the latter need not be so.
    """

    names: tuple[str, ...] = ()
    builds: bool = False

    def choose(self, known: Sequence[Alternative]) -> list[Alternative]:
        """The alternatives asked for; raises UsageError for a name that is none."""
        names = [each.name for each in known]
        for name in self.names:
            if name not in names:
                there = ", ".join(names) or "no alternatives"
                raise UsageError(f"there is no alternative {name!r}", hint=f"there are: {there}")
        return [each for each in known if not self.names or each.name in self.names]

    @property
    def allow_builds(self) -> bool:
        """Whether packages may be built."""
        return self.builds or bool(self.names)
