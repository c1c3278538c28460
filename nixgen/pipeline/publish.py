"""Pushing a built image to registries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nixgen.errors import UsageError
from nixgen.oci.opening import open_stored
from nixgen.pipeline.outcome import Format, Outcome
from nixgen.progress import Reporter
from nixgen.registry import Credentials, ImageReference, PushResult, Registry, push


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccess:
    """How registries are reached; see `Registry`."""

    environ: Mapping[str, str]
    plain_http: bool | None = None
    ca_file: Path | None = None
    reporter: Reporter | None = None

    def open(self, reference: ImageReference) -> Registry:
        """The registry that a reference names, with this user's login for it."""
        return Registry(
            reference,
            credentials=Credentials.of_environment(self.environ),
            plain_http=self.plain_http,
            ca_file=self.ca_file,
            reporter=self.reporter,
        )


def parse_targets(texts: Sequence[str], form: Format) -> tuple[ImageReference, ...]:
    """Where to push to, checked before anything is built; raises UsageError."""
    if texts and form == "docker-archive":
        raise UsageError(
            "--push takes no docker-archive: that has no manifest, which registries want",
            hint="leave -f out",
        )
    targets = tuple(ImageReference.parse(text) for text in texts)
    for target in targets:
        if target.digest is not None:
            raise UsageError(
                f"--push {target}: an image has the digest that its bytes have",
                hint=f"--push {target.name}",
            )
    return targets


def publish(
    outcome: Outcome, targets: Sequence[ImageReference], access: RegistryAccess
) -> tuple[PushResult, ...]:
    """Push the image to each target, under the target's tag or else all the image's own.

    Raises NetworkError.
    """
    done = []
    for target in targets:
        tags = (target.tag,) if target.tag else outcome.tags
        with access.open(target.with_tag(tags[0])) as registry:
            done.append(push(open_stored(outcome.path, tag=outcome.tag), registry, tags=tags))
    return tuple(done)
