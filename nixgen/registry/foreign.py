"""JSON of strangers, read so that no document can exhaust the stack."""

from __future__ import annotations

import json
import re
from typing import Any

_DEEPEST = 64
# why to the end: a string that is not closed is passed over once, not from each of its quotes.
_PART = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|([\[{])|([\]}])', re.DOTALL)


def load_json(data: bytes) -> Any:
    """A document; raises ValueError where it is none or nested too deeply.

    Python's parser would stop by itself, with so little stack left that whatever the garbage
    collector finalises then fails, too.
    """
    if data.count(b"[") + data.count(b"{") > _DEEPEST and _depth(data) > _DEEPEST:
        raise ValueError(f"nested deeper than {_DEEPEST} levels")
    return json.loads(data)


def _depth(data: bytes) -> int:
    depth = deepest = 0
    for match in _PART.finditer(data):
        if match[1]:
            depth += 1
            deepest = max(deepest, depth)
        elif match[2]:
            depth -= 1
    return deepest
