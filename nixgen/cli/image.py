"""`nixgen image`: the main job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.described import DescribedSigning, described_signing
from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.options import (
    CreatedOption,
    DescriptionArgument,
    JsonOption,
    TagOption,
    find_description,
)
from nixgen.cli.output import print_json, print_note, print_result, reporting_errors
from nixgen.cli.signing import AttachOption, SignerOptions, Signing, Statements, describer
from nixgen.cli.sinks import EngineOption, LoadOption, PushOption, Sinks
from nixgen.cli.summary import format_outcome
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.nixcli import BuildPlan
    from nixgen.pipeline.outcome import Format as OutcomeFormat
    from nixgen.pipeline.outcome import Outcome
    from nixgen.pipeline.prepare import Request
    from nixgen.pipeline.signing import Signed
    from nixgen.pipeline.unchanged import Call
    from nixgen.progress import Reporter

_DEFAULT = Path("app.toml")
# why: of these the image's bytes depend; how sources and bases are reached changes nothing.
_DECISIVE = ("profile", "platform", "cross", "var", "locked", "store", "substitute")


class Format(StrEnum):
    """The forms an image can be written in."""

    oci = "oci"
    oci_archive = "oci-archive"
    docker_archive = "docker-archive"


@grouped
def image(
    description: DescriptionArgument = _DEFAULT,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PATH", help="Where the image goes; default: ./NAME.oci"
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("-f", "--format", help="OCI layout folder, or an archive.")
    ] = Format.oci,
    tag: TagOption = None,
    created: CreatedOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be built and fetched, and stop.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read and compress every layer anew.")
    ] = False,
    verify_cache: Annotated[
        bool, typer.Option("--verify-cache", help="Hash every cached layer before it is used.")
    ] = False,
    record: Annotated[
        bool,
        typer.Option("--record", help="Write the build record too, as PATH.record.json."),
    ] = False,
    test: Annotated[
        bool,
        typer.Option("--test", help="Write the image only if all its tests pass."),
    ] = False,
    push: PushOption = None,
    load: LoadOption = False,
    engine: EngineOption = None,
    sign: Annotated[
        bool,
        typer.Option(
            "--sign",
            help="Sign the image before it is pushed, with --key, --keyless or as [sign] says, "
            "and attach its provenance and bill of materials unless others are named.",
        ),
    ] = False,
    attach: AttachOption = None,
    as_json: JsonOption = False,
    *,
    signer: SignerOptions,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Build an image, and write it as an OCI layout or an archive."""
    with reporting_errors(as_json=as_json):
        sinks = Sinks.parse(
            push=push,
            load=load,
            engine=engine,
            form=form.value,
            platforms=options.platform,
            plain_http=options.plain_http,
            ca_file=options.ca_file,
        )
        wish = _Wish(
            description=description,
            output=output,
            form=form.value,
            options=options,
            tags=tag,
            created=created,
        )
        described = described_signing(wish.request) if sign else None
        if described is not None:
            signer = described.choose(signer)
        signing = _signing(signer, sign=sign, form=form, attach=attach)
        with told.reporting() as reporter:
            if dry_run:
                print_steps(wish.steps(reporter), as_json=as_json)
                return
            if signing is not None and described is not None:
                signing.check(described.identity)
            plain = not (no_cache or verify_cache or record or test)
            outcome = (wish.recall(reporter) if plain else None) or wish.build(
                reporter,
                cached=not no_cache,
                rehash=verify_cache,
                with_record=record,
                with_tests=test,
            )
            signed = None
            if signing is not None and described is not None:
                signed = wish.sign(outcome, signing, reporter, described, attach)
            sent = sinks.send(outcome, reporter)
        if as_json:
            tests = {} if outcome.tests is None else {"tests": outcome.tests.as_json()["tests"]}
            signatures = {} if signed is None else {"signed": signed.as_json()}
            print_json({**outcome.as_json(), **tests, **signatures, **sent.as_json()})
        else:
            lines = [] if signed is None else [f"  signed by {signed.signer}"]
            print_result("\n".join([format_outcome(outcome), *lines, *sent.lines()]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What an image depends on of a call."""

    description: Path
    output: Path | None
    form: OutcomeFormat
    options: BuildOptions
    tags: Sequence[str] | None
    created: str | None

    @property
    def call(self) -> Call:
        """The name under which the outcome is remembered."""
        from nixgen.pipeline.unchanged import Call

        given = {name: getattr(self.options, name) for name in _DECISIVE}
        options = {**given, "tags": self.tags, "created": self.created, "format": self.form}
        place = find_description(self.description)
        return Call(description=place, destination=self.output, options=options)

    @property
    def request(self) -> Request:
        """The request that the options add up to."""
        return self.options.request(self.description, tags=self.tags, created=self.created)

    def recall(self, reporter: Reporter) -> Outcome | None:
        """The last outcome, where nothing has changed since."""
        from nixgen.pipeline.state import State
        from nixgen.pipeline.unchanged import recall
        from nixgen.progress import PhaseStarted

        outcome = recall(self.call, State.of_user(os.environ), os.environ)
        if outcome is not None:
            reporter.report(PhaseStarted(name="nothing has changed"))
        return outcome

    def steps(self, reporter: Reporter) -> BuildPlan:
        """What a build would do."""
        from nixgen.pipeline.build import plan_steps

        return plan_steps(self.request, self.options.nix(reporter))

    def build(
        self,
        reporter: Reporter,
        *,
        cached: bool,
        rehash: bool,
        with_record: bool,
        with_tests: bool,
    ) -> Outcome:
        """Build, test if asked to, and write."""
        from nixgen.imagetest import Choice
        from nixgen.pipeline.build import build_and_write, layer_cache

        return build_and_write(
            self.request,
            self.options.nix(reporter),
            destination=self.output,
            form=self.form,
            supply=self.options.supply(),
            cache=layer_cache(warn=print_note, rehash=rehash) if cached else None,
            with_record=with_record,
            call=self.call,
            tests=Choice() if with_tests else None,
        )

    def sign(
        self,
        outcome: Outcome,
        signing: Signing,
        reporter: Reporter,
        described: DescribedSigning,
        attach: Sequence[Statements] | None,
    ) -> Signed:
        """Sign what was written, and attach what is known of it."""
        from datetime import UTC, datetime

        from nixgen.pipeline.publish import RegistryAccess
        from nixgen.pipeline.signing import sign
        from nixgen.pipeline.state import State
        from nixgen.progress import PhaseStarted

        reporter.report(PhaseStarted(name="sign"))
        return sign(
            f"oci:{outcome.path}:{outcome.tag}",
            signing.signer(),
            RegistryAccess(environ=os.environ),
            now=datetime.now(UTC),
            records=State.of_user(os.environ),
            expected=described.identity,
            describe=describer(attach or described.attach, self.options.nix(reporter), None),
        )


def _signing(
    signer: SignerOptions, *, sign: bool, form: Format, attach: Sequence[Statements] | None
) -> Signing | None:
    """How to sign, if at all; raises UsageError, KeyFileError."""
    if not sign:
        if attach or signer.are_given:
            raise UsageError("whose signature it is to be goes with --sign", hint="add --sign")
        return None
    if form is not Format.oci:
        raise UsageError(
            f"--sign takes no {form.value}: signatures are attached to OCI layouts",
            hint="leave -f out; nixgen copy makes an archive of the signed layout",
        )
    return signer.signing()


def print_steps(steps: BuildPlan, *, as_json: bool) -> None:
    """Say what would be built and fetched."""
    if as_json:
        document = {
            "build": [str(path) for path in steps.to_build],
            "fetch": [str(path) for path in steps.to_fetch],
        }
        print_json(document)
        return
    rows = [f"build  {path.derivation_name}" for path in steps.to_build]
    rows += [f"fetch  {path}" for path in steps.to_fetch]
    print_result("\n".join(rows) or "nothing: everything is in the store")
