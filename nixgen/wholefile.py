"""Writing a file whole or not at all."""

from __future__ import annotations

from pathlib import Path

from nixgen.aside import aside


def write_whole(place: Path, content: bytes) -> None:
    """Replace `place`, or make it, with the mode that the umask leaves; what was there stays until
    it is done.

    Raises OSError, and leaves nothing behind then.
    """
    with aside(place, folder=False) as temporary:
        temporary.write_bytes(content)
        temporary.replace(place)
