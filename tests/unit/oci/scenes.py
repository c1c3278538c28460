"""An image with all that rules can leave out of it, in a store made by hand."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

from nixgen.closure.rules import Minimising, Mode
from nixgen.oci import ImageConf
from nixgen.oci.trimming import References, Trimming, trim
from tests.unit.oci.synthetic import SyntheticStore

OWN_FILES: dict[str, str | bytes | None] = {
    ".": None,
    "./bin": None,
    "./bin/tool": "{app}/bin/tool",
    "./bin/alias": "tool",
    "./etc": None,
    "./etc/tool.conf": b"library = {library}\n",
    "./etc/" + "n" * 120: "{app}/bin/tool",
    "./share": None,
    "./share/man": "{app}/share/man",
    "./share/pages": "man",
    "./share/doc": None,
    "./share/doc/readme": "{app}/share/doc/readme",
    "./share/doc/COPYING": "{app}/share/doc/COPYING",
    "./var": None,
    "./var/empty": None,
}


class Scene:
    """An app that needs a library and a font; that names a compiler and a manual without need."""

    def __init__(self, root: Path) -> None:
        self.synthetic = SyntheticStore(root)
        add = self.synthetic.add_tree
        self.compiler = add("compiler-1", {"bin/cc": b"c" * 5000})
        self.manual = add("manual-1", {"share/manual": b"m" * 300})
        self.font = add("font-1", {"share/font": b"f" * 200})
        self.library = add(
            "library-1",
            {
                "lib/library": self.font.encode(),
                "lib/library.a": b"a" * 1000,
                "nix-support/propagated": self.compiler.encode(),
            },
        )
        self.app = add(
            "app-1",
            {
                "bin/tool": b"#!/bin/sh\n",
                "share/man/man1/tool.1": b"see " + self.manual.encode(),
                "share/doc/readme": b"r" * 50,
                "share/doc/COPYING": b"free",
            },
        )
        self.paths = [self.font, self.compiler, self.manual, self.library, self.app]
        self.references: References = {
            self.library: [self.font, self.compiler],
            self.app: [self.manual],
        }
        self.conf = self.make_conf(OWN_FILES)

    def make_conf(self, own: dict[str, str | bytes | None]) -> ImageConf:
        out = io.BytesIO()
        names = {"app": self.app, "library": self.library}
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, what in own.items():
                info = tarfile.TarInfo(name)
                if what is None:
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                elif isinstance(what, str):
                    info.type, info.linkname = tarfile.SYMTYPE, what.format(**names)
                else:
                    what = what.decode().format(**names).encode()
                    info.size = len(what)
                tar.addfile(info, io.BytesIO(what) if isinstance(what, bytes) else None)
        custom = self.synthetic.add_customisation_tar(out.getvalue(), "custom")
        layers = [[self.font], [self.compiler, self.manual], [self.library, self.app]]
        config = {"Entrypoint": ["/bin/tool"], "Env": ["PATH=/bin"]}
        return self.synthetic.conf(layers, custom, config=config)

    def trim(self, mode: Mode, **rules: Any) -> tuple[ImageConf, Trimming]:
        return trim(
            self.conf,
            Minimising(mode=mode, **rules),
            references=self.references,
            store=self.synthetic.store,
        )
