"""Loading an image into a container engine, as an archive on the standard input of its `load`.

Podman gets an OCI archive: it keeps the manifest, so the digest stays what it is everywhere else.
Docker gets a docker-archive, which every version reads: there the image id is the name.
https://docs.podman.io/en/latest/markdown/podman-load.1.html,
https://docs.docker.com/reference/cli/docker/image/load/.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from nixgen import _process
from nixgen.aside import scratch_folder
from nixgen.digest import Digest
from nixgen.engine.engines import Engine, EngineName
from nixgen.oci.archive import Archive
from nixgen.oci.copying import add_docker_copy, add_oci_copy, created_of, repo_tags_of
from nixgen.oci.graph import read_graph
from nixgen.oci.opening import ImageSource
from nixgen.oci.reading import LayoutImage
from nixgen.platforms import Platform
from nixgen.progress import PhaseStarted, Reporter

_BUFFER_BYTES = 1 << 20
_LOCAL = "localhost/"

OpenFilter = Callable[..., AbstractContextManager[_process.Filter]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An image as the engine knows it now. `digest` is the manifest's, None where it has none.

    `names` are those that it was given, of which each runs it: `podman run NAME`.
    """

    engine: EngineName
    names: tuple[str, ...]
    image_id: Digest
    digest: Digest | None
    platform: Platform

    def as_json(self) -> dict[str, Any]:
        """The image's part of what `--json` prints."""
        return {
            "engine": self.engine,
            "names": list(self.names),
            "image_id": str(self.image_id),
            "digest": None if self.digest is None else str(self.digest),
            "platform": str(self.platform),
        }


def load_image(
    engine: Engine,
    source: ImageSource,
    image: LayoutImage,
    *,
    names: Sequence[str] = (),
    reporter: Reporter,
    open_filter: OpenFilter = _process.open_filter,
) -> Loaded:
    """Load one of a source's images; without `names` (`NAME:TAG`) under the source's own.

    Layers stream into the engine; compressed ones for Docker lie unpacked in a temporary folder,
    one at a time. Raises EngineError with the engine's own words, and what reading raises.
    """
    reporter.report(PhaseStarted(name=f"load into {engine.name}"))
    wanted = tuple(names) or repo_tags_of(source, image, source.tags, stem=_stem(source))
    if engine.name == "podman":
        wanted = tuple(map(_with_host, wanted))
    with scratch_folder() as work, (work / "stdout").open("wb") as stdout:
        try:
            with open_filter((engine.name, "load"), stdout=stdout) as program:
                _write(engine, source, image, wanted, work, program.stdin, reporter)
        except _process.ProcessFailedError as error:
            raise engine.failure(f"{engine.name} load failed", error.stderr) from error
    for name in wanted[1:] if engine.name == "podman" else ():
        # why: podman takes no OCI archive with more than one entry.
        engine.call("tag", wanted[0], name)
    return _inspect(engine, wanted, image)


def _write(
    engine: Engine,
    source: ImageSource,
    image: LayoutImage,
    names: Sequence[str],
    work: Path,
    stdin: BinaryIO,
    reporter: Reporter,
) -> None:
    with open(stdin.fileno(), "wb", buffering=_BUFFER_BYTES, closefd=False) as pipe:
        archive = Archive(pipe, created_of(image))
        if engine.name == "podman":
            graph = read_graph(source, only=image, with_referrers=False)
            add_oci_copy(archive, source, graph, names[:1], reporter)
        else:
            add_docker_copy(archive, source, image, work, names, reporter)
        archive.finish()


def _inspect(engine: Engine, names: Sequence[str], image: LayoutImage) -> Loaded:
    told = engine.call("image", "inspect", "--format", "{{.Id}}", names[0])
    image_id = Digest.parse(told if told.startswith("sha256:") else f"sha256:{told}")
    digest = None
    if engine.name == "podman":
        told = engine.call("image", "inspect", "--format", "{{.Digest}}", names[0])
        digest = Digest.parse(told)
    return Loaded(
        engine=engine.name,
        names=tuple(names),
        image_id=image_id,
        digest=digest,
        platform=image.platform,
    )


def _with_host(name: str) -> str:
    """A name as podman keeps it: what has no registry is of this machine."""
    first, slash, _ = name.partition("/")
    has_host = slash and ("." in first or ":" in first or first == "localhost")
    return name if has_host else f"{_LOCAL}{name}"


def _stem(source: ImageSource) -> str:
    return Path(source.where).name
