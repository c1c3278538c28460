"""Where `.ci/setup` puts what tests need beside the machine's own programs.

It is looked up when tests are collected: while they run, the cache folder may be one of their own.
"""

from __future__ import annotations

import os
from pathlib import Path

PREPARED = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nixgen-tests"
