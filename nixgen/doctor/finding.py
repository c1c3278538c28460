"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    `ok`: as it should be; `warn`: nixgen works, but something will be slow or missing; `fail`:
    images can't be built. `hint` is the command that mends it, or None.
    """

    name: str
    status: Status
    detail: str
    hint: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """The finding as a JSON object, every key always present."""
        return {
            "name": self.name,
            "status": self.status,
            "detail": self.detail,
            "hint": self.hint,
        }


def ok(name: str, detail: str) -> Finding:
    """A finding that all is well."""
    return Finding(name=name, status="ok", detail=detail)


def warn(name: str, detail: str, hint: str | None) -> Finding:
    """A finding of something that is wanting."""
    return Finding(name=name, status="warn", detail=detail, hint=hint)


def fail(name: str, detail: str, hint: str | None) -> Finding:
    """A finding of something that keeps images from being built."""
    return Finding(name=name, status="fail", detail=detail, hint=hint)
