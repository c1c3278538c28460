"""The app with planted references after an update."""

from __future__ import annotations

from pathlib import Path

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
