"""Small stores and image confs made by hand: no Nix needed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nixgen.oci import ImageConf, Ownership, StoreRoot, parse_conf

ROOT_AT_ONE = Ownership(mtime=1, uid=0, gid=0, uname="root", gname="root")
_DIGITS = "0123456789abcdfghijklmnpqrsvwxyz"


def store_path(number: int, name: str) -> str:
    """A well-formed store path, another for each number."""
    return f"/nix/store/{_DIGITS[number % 32 :]}{_DIGITS[: number % 32]}-{name}"


@dataclass
class SyntheticStore:
    """A store below `root`, filled by hand."""

    root: Path
    count: int = 0
    layers: list[list[str]] = field(default_factory=list)

    @property
    def store(self) -> StoreRoot:
        return StoreRoot(root=self.root)

    def place(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def new(self, name: str) -> str:
        """A store path that is free; its parent is there."""
        path = store_path(self.count, name)
        self.count += 1
        self.place(path).parent.mkdir(parents=True, exist_ok=True)
        return path

    def add_file(self, name: str, data: bytes, *, mode: int = 0o444) -> str:
        path = self.new(name)
        self.place(path).write_bytes(data)
        self.place(path).chmod(mode)
        return path

    def add_tree(self, name: str, files: dict[str, bytes]) -> str:
        path = self.new(name)
        self.place(path).mkdir()
        for relative, data in files.items():
            file = self.place(path) / relative
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return path

    def add_customisation(self, entries: dict[str, bytes | None], name: str = "custom") -> str:
        """A customisation layer; None makes a directory, bytes make an executable file."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for entry, data in entries.items():
                info = tarfile.TarInfo(entry)
                info.mtime = 315532800
                if data is None:
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(info)
                else:
                    info.mode, info.size = 0o555, len(data)
                    tar.addfile(info, io.BytesIO(data))
        return self.add_customisation_tar(out.getvalue(), name)

    def add_customisation_tar(self, data: bytes, name: str = "custom") -> str:
        """A customisation layer of a tar made elsewhere."""
        path = self.new(name)
        self.place(path).mkdir()
        (self.place(path) / "layer.tar").write_bytes(data)
        (self.place(path) / "checksum").write_text(hashlib.sha256(data).hexdigest() + "\n")
        return path

    def document(self, layers: list[list[str]], customisation: str, **more: Any) -> dict[str, Any]:
        """A conf.json of the newer generation."""
        return {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": ["/bin/hello"], "Env": ["PATH=/bin"]},
            "created": "1970-01-01T00:00:01+00:00",
            "mtime": "1970-01-01T00:00:01+00:00",
            "uid": "0",
            "gid": "0",
            "uname": "root",
            "gname": "root",
            "store_dir": "/nix/store",
            "from_image": None,
            "store_layers": layers,
            "customisation_layer": customisation,
            "repo_tag": "hello:1.0",
            **more,
        }

    def conf(self, layers: list[list[str]], customisation: str, **more: Any) -> ImageConf:
        document = self.document(layers, customisation, **more)
        return parse_conf(json.dumps(document).encode(), source="conf.json")


def hello_store(root: Path) -> tuple[SyntheticStore, ImageConf]:
    """Three layers: a library, a program with a link and a long name, the customisation."""
    synthetic = SyntheticStore(root)
    library = synthetic.add_tree("library", {"lib/a": b"a" * 70_000, "lib/" + "n" * 130: b""})
    program = synthetic.add_tree("program", {"bin/hello": b"#!/bin/sh\n", "share/doc": b"doc"})
    (synthetic.place(program) / "bin" / "hi").symlink_to("hello")
    plain = synthetic.add_file("plain", b"plain")
    custom = synthetic.add_customisation(
        {".": None, "./bin": None, "./bin/hello": b"hello", "./tmp": None}
    )
    return synthetic, synthetic.conf([[library], [program, plain]], custom)
