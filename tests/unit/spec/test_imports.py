"""What `nixgen check` pays for: reading a description must not load what it doesn't need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("requests", "jinja2", "typer", "sigstore", "asyncio", "subprocess", "urllib.request")


def test_a_description_is_read_without_heavy_imports() -> None:
    program = f"import sys, nixgen.spec; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
