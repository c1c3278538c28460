"""Small images made by hand, with one static program in them: no Nix needed."""

from __future__ import annotations

import functools
import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from nixgen.oci import LayerBuilder, build_image, write_layout
from nixgen.platforms import Platform, native_platform
from nixgen.runtime import RunnableImage
from tests.unit.oci.synthetic import SyntheticStore

UID, GID = 65532, 65532
PASSWD = f"root:x:0:0::/root:/sbin/nologin\napp:x:{UID}:{GID}::/home/app:/sbin/nologin\n"

Entry = tuple[str, int, int, bytes | str | None]
"""Name, mode, owner and group, and what it is: bytes of a file, target of a link, a folder."""

ENTRIES: tuple[Entry, ...] = (
    (".", 0o555, 0, None),
    ("./bin", 0o555, 0, None),
    ("./bin/broken", 0o555, 0, b"#!/bin/no-such-shell\n"),
    ("./bin/plain", 0o444, 0, b"not a program"),
    ("./data", 0o755, UID, None),
    ("./etc", 0o755, 0, None),
    ("./etc/group", 0o644, 0, f"root:x:0:\napp:x:{GID}:\n".encode()),
    ("./etc/passwd", 0o644, 0, PASSWD.encode()),
    ("./etc/secret", 0o600, 0, b"for root alone"),
    ("./home", 0o755, 0, None),
    ("./home/app", 0o700, UID, None),
    ("./tmp", 0o1777, 0, None),
    ("./desk", 0o755, 0, None),
)
CONFIG: dict[str, Any] = {
    "Entrypoint": ["probe"],
    "Cmd": ["report"],
    "Env": ["PATH=/bin", "GREETING=hello world", "EMPTY="],
    "User": f"{UID}:{GID}",
    "WorkingDir": "/desk",
    "Volumes": {"/data": {}},
}


@functools.cache
def probe_program(compiler: str = "gcc") -> bytes:
    """The probe, compiled into one static file."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "probe"
        source = Path(__file__).with_name("probe.c")
        subprocess.run(
            [compiler, "-O1", "-static", "-o", str(program), str(source)],
            check=True,
            capture_output=True,
        )
        return program.read_bytes()


def layer_tar(entries: tuple[Entry, ...]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, mode, owner, content in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.uid, info.gid, info.mtime = mode, owner, owner, 1
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def make_image(
    folder: Path,
    *,
    config: dict[str, Any] | None = None,
    more: tuple[Entry, ...] = (),
    without: tuple[str, ...] = (),
    program: bytes | None = None,
    platform: Platform | None = None,
) -> RunnableImage:
    """An image below `folder`: the probe in a store path, found by a link in /bin.

    It has a store path that is a plain file, and one that is a link, too.
    """
    folder.mkdir(exist_ok=True)
    synthetic = SyntheticStore(folder / "store root")
    tree = synthetic.add_tree("probe", {"bin/probe": program or probe_program()})
    (synthetic.place(tree) / "bin/probe").chmod(0o555)
    plain = synthetic.add_file("plain", b"a store path that is a file\n")
    link = synthetic.new("link")
    synthetic.place(link).symlink_to(tree)
    entries = (*ENTRIES, ("./bin/probe", 0o777, 0, f"{link}/bin/probe"))
    entries = (*(entry for entry in entries if entry[0] not in without), *more)
    platform = platform or native_platform()
    conf = synthetic.conf(
        [[tree], [plain, link]],
        synthetic.add_customisation_tar(layer_tar(entries)),
        config={**CONFIG, **(config or {})},
        architecture=platform.architecture,
        repo_tag="probe:1.0",
    )
    (folder / "work").mkdir()
    builder = LayerBuilder(work=folder / "work")
    built = build_image(conf, store=synthetic.store, platform=platform, builder=builder)
    write_layout([built], folder / "Image.oci", tags=["1.0"])
    return RunnableImage(
        layout=folder / "Image.oci",
        tag="1.0",
        platform=platform,
        conf=conf,
        store=synthetic.store,
    )


def open_folder() -> Path:
    """A temporary folder that every user of the machine may pass, as the Nix store is."""
    folder = Path(tempfile.mkdtemp(prefix="nixgen-images-"))
    folder.chmod(0o755)
    return folder


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)
