"""Pushing a built image to registries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nixgen.errors import UsageError
from nixgen.oci import read_layout
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
    if texts and form != "oci":
        raise UsageError(
            f"--push takes the image from an OCI layout, not from a {form}", hint="leave -f out"
        )
    return tuple(ImageReference.parse(text) for text in texts)


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
            layout = read_layout(outcome.path, tag=outcome.tag)
            done.append(push(layout, registry, tags=tags))
    return tuple(done)
