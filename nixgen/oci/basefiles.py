"""What a base image has in its root: its layers laid over one another, as engines do it.

Whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

from __future__ import annotations

import dataclasses
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Literal, cast

from nixgen.errors import BuildError
from nixgen.oci.base import BaseImage
from nixgen.oci.unpacking import open_tar
from nixgen.rootfiles import RootFiles, RootFolder

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_ACCOUNT_FILES = ("/etc/group", "/etc/nsswitch.conf", "/etc/passwd")
_ACCOUNT_NAMES = frozenset(path.rpartition("/")[2] for path in _ACCOUNT_FILES)
_LARGEST_TEXT_BYTES = 1 << 20
_MAX_LINKS = 40
_READ_BYTES = 1 << 20


@dataclass(slots=True, kw_only=True)
class _Node:
    """One name in the root; `layer` is the number of the layer that last told of it."""

    kind: Literal["folder", "link", "program", "file"]
    layer: int
    folder: RootFolder = field(default_factory=RootFolder)
    target: str = ""
    text: str | None = None
    children: dict[str, _Node] = field(default_factory=dict)


def read_root_files(base: BaseImage) -> RootFiles:
    """Read every layer of a base; raises BuildError where one is damaged or leads out of the root,
    MachineError where zstd is missing.
    """
    root = _Root(base.where)
    for number, source in enumerate(base.sources):
        try:
            with (
                open_tar(source, source.layer) as stream,
                tarfile.open(
                    fileobj=cast(IO[bytes], stream), mode="r|", bufsize=_READ_BYTES
                ) as tar,
            ):
                for member in tar:
                    root.add(tar, member, number)
        except (tarfile.TarError, UnicodeError, RecursionError) as error:
            name = source.layer.descriptor.digest
            raise BuildError(f"{base.where}: the layer {name} is damaged: {error}") from error
    return root.files()


class _Root:
    def __init__(self, where: str) -> None:
        self._where = where
        self._root = _Node(kind="folder", layer=0)

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo, layer: int) -> None:
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise BuildError(f"{self._where}: a layer's entry leads out: {member.name!r}")
        if not parts:
            self._root.folder = _folder_of(member)
            return
        *above, name = parts
        parent = self._make_folder(above, layer)
        if name == _OPAQUE:
            _hide(parent, layer)
        elif name.startswith(_WHITEOUT):
            _hide_child(parent, name.removeprefix(_WHITEOUT), layer)
        elif member.isdir():
            child = parent.children.get(name)
            # why: a folder takes the place of a link, even of one that leads to a folder.
            if child is None or child.kind != "folder":
                child = parent.children[name] = _Node(kind="folder", layer=layer)
            child.folder, child.layer = _folder_of(member), layer
        else:
            parent.children[name] = self._node(tar, member, layer)

    def _node(self, tar: tarfile.TarFile, member: tarfile.TarInfo, layer: int) -> _Node:
        if member.issym():
            return _Node(kind="link", layer=layer, target=member.linkname)
        if member.islnk():
            found = self._find(member.linkname)
            if found is not None:
                return _Node(kind=found.kind, layer=layer, target=found.target, text=found.text)
        if not member.isreg():
            return _Node(kind="file", layer=layer)
        kind: Literal["program", "file"] = "program" if member.mode & 0o111 else "file"
        return _Node(kind=kind, layer=layer, text=self._text(tar, member))

    def _text(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> str | None:
        if member.name.rpartition("/")[2] not in _ACCOUNT_NAMES:
            return None
        file = tar.extractfile(member) if member.size <= _LARGEST_TEXT_BYTES else None
        try:
            text = file.read().decode("utf-8") if file is not None else None
        except UnicodeDecodeError:
            return None
        return None if text is None or "\0" in text else text

    def _find(self, path: str) -> _Node | None:
        node: _Node | None = self._root
        for part in path.split("/"):
            if node is not None and part not in ("", "."):
                node = node.children.get(part)
        return node

    def _make_folder(self, parts: list[str], layer: int) -> _Node:
        """The folder of that path, made where it is missing; links on the way are followed."""
        todo = list(reversed(parts))
        trail, followed = [self._root], 0
        while todo:
            part = todo.pop()
            if part == "..":
                trail = trail[:-1] or [self._root]
                continue
            child = trail[-1].children.get(part)
            if child is not None and child.kind == "link" and followed < _MAX_LINKS:
                followed += 1
                trail = [self._root] if child.target.startswith("/") else trail
                pieces = child.target.split("/")
                todo += [piece for piece in reversed(pieces) if piece not in ("", ".")]
                continue
            if child is None or child.kind != "folder":
                child = trail[-1].children[part] = _Node(kind="folder", layer=layer)
            trail.append(child)
        return trail[-1]

    def files(self) -> RootFiles:
        found = dict(_walk(self._root, ""))
        files = RootFiles(
            folders={path or "/": n.folder for path, n in found.items() if n.kind == "folder"},
            links={path: node.target for path, node in found.items() if node.kind == "link"},
            programs=frozenset(path for path, node in found.items() if node.kind == "program"),
        )
        texts = {}
        for path in map(files.resolve, _ACCOUNT_FILES):
            node = found.get(path)
            if node is not None and node.text is None:
                raise BuildError(
                    f"{self._where}: {path} of the base image is not text in UTF-8 that can be read"
                )
            if node is not None and node.text is not None:
                texts[path] = node.text
        return dataclasses.replace(files, texts=texts)


def _walk(node: _Node, path: str) -> Iterator[tuple[str, _Node]]:
    todo = [(path, node)]
    while todo:
        here, current = todo.pop()
        yield here, current
        todo += [(f"{here}/{name}", child) for name, child in sorted(current.children.items())]


def _hide(folder: _Node, layer: int) -> None:
    """Take away what lower layers put into a folder; what this layer put there stays."""
    for name in list(folder.children):
        _hide_child(folder, name, layer)


def _hide_child(folder: _Node, name: str, layer: int) -> None:
    child = folder.children.get(name)
    if child is None:
        return
    if child.layer < layer:
        del folder.children[name]
    elif child.kind == "folder":
        _hide(child, layer)


def _folder_of(member: tarfile.TarInfo) -> RootFolder:
    return RootFolder(mode=member.mode & 0o7777, uid=member.uid, gid=member.gid)
