"""Small projects on the bundled set, and looks into the images made of them."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import Outcome, run_cli


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What a layer says of one path."""

    mode: int
    uid: int
    gid: int
    link: str
    content: bytes | None


def write_project(folder: Path, description: str, **files: str) -> Path:
    """A project with an app.toml; a name's `__` stands for a dot, `___` for a slash."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "app.toml").write_text(description)
    return folder


def build_image(project: Path, *options: str) -> Outcome:
    """`nixgen image` of a project, with layers that are not compressed."""
    return run_cli("image", project, "-o", project / "image.oci", "--json", *options)


def read_layers(project: Path, outcome: Outcome) -> dict[str, Member]:
    """Every path of the image, `/`-led, as its layers' tars have it; the last layer wins."""
    assert outcome.exit_code == 0, outcome.stderr + outcome.stdout
    (image,) = outcome.document["platforms"]
    found: dict[str, Member] = {}
    for layer in image["layers"]:
        blob = project / "image.oci/blobs/sha256" / layer["digest"].removeprefix("sha256:")
        with tarfile.open(blob) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                found["/" + member.name.removeprefix("./").strip("/")] = Member(
                    mode=member.mode,
                    uid=member.uid,
                    gid=member.gid,
                    link=member.linkname,
                    content=file.read() if file else None,
                )
    return found
