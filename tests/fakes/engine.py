"""A container engine as its program: it keeps what `load` gives it, and tells of it by name."""

from __future__ import annotations

import json
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = """#!{python}
import hashlib, json, pathlib, sys, tarfile
here = pathlib.Path({folder!r})
calls, name = sys.argv[1:], {name!r}
with (here / "calls").open("a") as file:
    file.write(json.dumps(calls) + "\\n")
if (here / "down").exists():
    sys.exit("Cannot connect to the daemon. Is it running?")
store = json.loads((here / "store").read_text()) if (here / "store").exists() else {{}}
def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()
if calls[0] == "version":
    print("1.0")
elif calls[0] == "load":
    if (here / "full").exists():
        sys.stdin.buffer.read(1000)
        sys.exit("Error: no space left on device")
    (here / "loaded.tar").write_bytes(sys.stdin.buffer.read())
    with tarfile.open(here / "loaded.tar") as tar:
        if name == "podman":
            [entry] = json.load(tar.extractfile("index.json"))["manifests"]
            manifest = tar.extractfile("blobs/sha256/" + entry["digest"][7:]).read()
            config = json.loads(manifest)["config"]
            made = {{"id": config["digest"][7:], "digest": sha256(manifest)}}
            names = [entry["annotations"]["org.opencontainers.image.ref.name"]]
        else:
            [entry] = json.load(tar.extractfile("manifest.json"))
            made = {{"id": sha256(tar.extractfile(entry["Config"]).read()), "digest": ""}}
            names = entry["RepoTags"]
    store.update({{each: made for each in names}})
    print("Loaded image: " + names[0])
elif calls[0] == "tag":
    store[calls[2]] = store[calls[1]]
elif calls[:2] == ["image", "inspect"]:
    print(store[calls[4]]["id" if "Id" in calls[3] else "digest"])
else:
    sys.exit("unknown command")
(here / "store").write_text(json.dumps(store))
"""


@dataclass(frozen=True, kw_only=True)
class FakeEngine:
    """Docker or podman in `folder`, which goes onto PATH."""

    folder: Path
    name: str

    def install(self) -> FakeEngine:
        self._state.mkdir(parents=True)
        program = self.folder / self.name
        program.write_text(
            _PROGRAM.format(python=sys.executable, folder=str(self._state), name=self.name)
        )
        program.chmod(0o755)
        return self

    def break_down(self) -> None:
        """No daemon answers from now on."""
        (self._state / "down").touch()

    def fill_up(self) -> None:
        """From now on, images are refused."""
        (self._state / "full").touch()

    @property
    def store(self) -> dict[str, dict[str, str]]:
        """Ids and digests by name."""
        place = self._state / "store"
        return json.loads(place.read_text()) if place.exists() else {}

    @property
    def calls(self) -> list[Any]:
        lines = (self._state / "calls").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def loaded_names(self) -> list[str]:
        """The entries of the archive that came last."""
        with tarfile.open(self._state / "loaded.tar") as tar:
            return tar.getnames()

    @property
    def _state(self) -> Path:
        return self.folder / f"{self.name}-state"
