"""What is known of base images seen before: manifest, config and what is in their root.

One file for each manifest, `<hex>.json` in the user's cache folder; with it, and with the layers
in the layer cache, a base that is pinned needs no network. Files are written whole, so that runs
may share them, and hold a digest of themselves, so that a damaged one is not believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nixgen.digest import Digest
from nixgen.folders import cache_folder
from nixgen.oci.reading import LayoutImage, parse_image
from nixgen.rootfiles import RootFiles
from nixgen.wholefile import write_whole

_FORMAT = "v1"
_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBase:
    """A base image's documents, and what its layers hold."""

    image: LayoutImage
    files: RootFiles


@dataclass(frozen=True, slots=True)
class KnownBases:
    """The folder of files; nothing is made before something is kept."""

    folder: Path

    @classmethod
    def of_user(cls, environ: Mapping[str, str]) -> Self:
        """This user's; raises MachineError for one without a home."""
        return cls(cache_folder(environ) / "bases" / _FORMAT)

    def find(self, manifest: Digest) -> KnownBase | None:
        """What is known of the base with that manifest; None where nothing sound is."""
        place = self._place(manifest)
        try:
            document = json.loads(place.read_bytes())
            known = document["base"]
            if document["sum"] != _sum(known):
                return None
            image = parse_image(known["manifest"].encode(), known["config"].encode())
            if image.digest != manifest:
                return None
            found = KnownBase(image=image, files=RootFiles.of_json(known["files"]))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        with contextlib.suppress(OSError):
            # why: the age of its last use is what dropping goes by.
            os.utime(place)
        return found

    def keep(self, base: KnownBase) -> None:
        """Remember a base; where the folder can't be written, it is found out anew next time."""
        with contextlib.suppress(OSError, UnicodeError):
            known = {
                "manifest": base.image.manifest.decode(),
                "config": base.image.config.decode(),
                "files": base.files.as_json(),
            }
            text = json.dumps({"base": known, "sum": _sum(known)}, sort_keys=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._place(base.image.digest), text.encode())
            self._bound()

    def _bound(self) -> None:
        """Drop what was used longest ago beyond a fixed number of files."""
        files = [(path.stat().st_mtime, path) for path in self.folder.glob("*.json")]
        for _, path in sorted(files)[:-_MOST]:
            path.unlink(missing_ok=True)

    def _place(self, manifest: Digest) -> Path:
        return self.folder / f"{manifest.hex}.json"


def _sum(known: Any) -> str:
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
