"""The files of an image as a container sees them: its layers laid over one another.

Whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Protocol, cast

from nixgen.errors import BuildError
from nixgen.oci.moved import Moved
from nixgen.oci.opening import ImageSource
from nixgen.oci.reading import LayoutImage
from nixgen.oci.unpacking import open_tar
from nixgen.progress import PhaseStarted, Reporter, Silent

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One file of an image. `kind` is file, directory, symlink or device.

    `sha256` is of a file's content, `target` what a symbolic link says; else they are None.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    size_bytes: int
    sha256: str | None = None
    target: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The entry as `nixgen diff --json` shows it."""
        return {
            "kind": self.kind,
            "mode": f"{self.mode:04o}",
            "uid": self.uid,
            "gid": self.gid,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "target": self.target,
        }


Tree = dict[str, TreeEntry]


class ContentDigest(Protocol):
    """What a file's content is fed to."""

    def update(self, data: bytes, /) -> None:
        """The next bytes."""

    def hexdigest(self) -> str:
        """The digest of all that came."""


def read_tree(
    source: ImageSource,
    image: LayoutImage,
    *,
    reporter: Reporter | None = None,
    new_digest: Callable[[], ContentDigest] = hashlib.sha256,
) -> Tree:
    """Read all layers of an image, checking every digest; names have no slash at their start.

    `new_digest` begins what gives the `sha256` of a file. Raises BuildError for what is damaged,
    MachineError where zstd is missing.
    """
    tree: Tree = {}
    reporter = reporter or Silent()
    reporter.report(PhaseStarted(name=f"read {source.where}"))
    moved = Moved(reporter, "read", [layer.descriptor.size_bytes for layer in image.layers])
    for layer in image.layers:
        with open_tar(source, layer, on_read=moved.add) as stream:
            try:
                with tarfile.open(
                    fileobj=cast(IO[bytes], stream), mode="r|", bufsize=_CHUNK_BYTES
                ) as tar:
                    _lay_over(tree, tar, new_digest)
            except tarfile.TarError as error:
                raise BuildError(f"the layer {layer.descriptor.digest}: {error}") from error
        moved.add(0, blobs=1)
    return tree


def _lay_over(tree: Tree, tar: tarfile.TarFile, new_digest: Callable[[], ContentDigest]) -> None:
    below = set(tree)
    for member in tar:
        name = _plain(member.name)
        parent, _, base = name.rpartition("/")
        if base == _OPAQUE:
            _remove(tree, parent, below, itself=False)
        elif base.startswith(_WHITEOUT):
            gone = f"{parent}/{base[len(_WHITEOUT) :]}".lstrip("/")
            _remove(tree, gone, below, itself=True)
        elif name:
            if not member.isdir() and name in tree and tree[name].kind == "directory":
                _remove(tree, name, below, itself=True)
            tree[name] = _entry(tree, tar, member, new_digest)


def _remove(tree: Tree, name: str, below: set[str], *, itself: bool) -> None:
    """Remove what lower layers put there; what this layer has put there stays."""
    prefix = f"{name}/" if name else ""
    for path in [path for path in tree if path in below and path.startswith(prefix)]:
        del tree[path]
    if itself and name in below:
        tree.pop(name, None)


def _entry(
    tree: Tree,
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    new_digest: Callable[[], ContentDigest],
) -> TreeEntry:
    if member.islnk() and _plain(member.linkname) in tree:
        return tree[_plain(member.linkname)]
    kind, digest, target = "device", None, None
    if member.isreg():
        kind, digest = "file", _digest(tar, member, new_digest())
    elif member.isdir():
        kind = "directory"
    elif member.issym():
        kind, target = "symlink", member.linkname
    return TreeEntry(
        kind=kind,
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        size_bytes=member.size if member.isreg() else 0,
        sha256=digest,
        target=target,
    )


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo, state: ContentDigest) -> str:
    file = tar.extractfile(member)
    while file is not None and (data := file.read(_CHUNK_BYTES)):
        state.update(data)
    return state.hexdigest()


def _plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))
