"""Adding referrers to an image that is in a layout already; nothing that is there changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from nixgen.aside import locked
from nixgen.digest import Digest
from nixgen.errors import UsageError
from nixgen.oci import faults
from nixgen.oci.blob import sync_folder, write_durably
from nixgen.oci.image import Descriptor
from nixgen.oci.layout import NEW_INDEX, LayoutContent, add_blobs, remove


def attach(layout: Path, entries: Sequence[Descriptor], small: Mapping[Digest, bytes]) -> None:
    """Enter referrers into a layout, each as an entry without a tag; `small` are their blobs.

    Those that are entered already stay as they stand. Raises UsageError where `layout` is none or
    does not hold a subject, MachineError where it can't be written; it is whole then.
    """
    index = layout / "index.json"
    if not (layout / "oci-layout").is_file() or not index.is_file():
        raise UsageError(f"{layout} is not an OCI image layout")
    blobs = layout / "blobs" / "sha256"
    with faults.writing("the image", layout), locked(layout):
        document = _read_index(index)
        known = {entry.get("digest") for entry in document["manifests"]}
        new = [entry.as_json() for entry in entries if str(entry.digest) not in known]
        added: list[Path] = []
        temporary = layout / NEW_INDEX
        data = index.read_bytes()
        try:
            content = LayoutContent(top=entries[0], small=dict(small), layers={})
            add_blobs(content, blobs, added=added)
            document["manifests"] += new
            data = json.dumps(
                document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
            ).encode()
            write_durably(temporary, data)
            temporary.replace(index)
            sync_folder(layout)
        except BaseException:
            # why: an interrupt may come just after the rename; the blobs are wanted then.
            if index.read_bytes() != data:
                remove((*added, temporary))
            raise


def _read_index(index: Path) -> dict[str, list[dict[str, object]]]:
    try:
        document = json.loads(index.read_bytes())
        entries = document["manifests"]
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise TypeError
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{index} is damaged: it lists no manifests") from error
    found: dict[str, list[dict[str, object]]] = document
    return found
