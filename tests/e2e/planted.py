"""The apps with planted references: one after an update, and what Nix says of references."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_UPDATE = [
    ("made by ${perl}", "made by hand"),
    ("gcc-13.2.0", "gcc-14.1.0"),
    (
        'heavy "docbook-4.5" 200 ""',
        'heavy "docbook-4.5" 200 "echo ${sounds} > $out/lib/sounds"',
    ),
    ("  perl = ", '  sounds = heavy "sounds-7" 50 "";\n  perl = '),
]


def update_planted(project: Path) -> None:
    """No word of perl, a compiler of another version, one more package."""
    place = project / "app.nix"
    text = place.read_text()
    for old, new in _UPDATE:
        assert old in text
        text = text.replace(old, new)
    place.write_text(text)


def nix_why_depends(reference: Mapping[str, Any]) -> str:
    """What `nix why-depends` prints of one element of `references` of `why --json`."""
    nix = ["nix", "--extra-experimental-features", "nix-command", "why-depends", "--all"]
    done = subprocess.run(
        [*nix, "--precise", reference["from"], reference["to"]],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    return done.stdout
