"""`nixgen size`: how large an image is, what it was, and whether that is in its budget."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.groups import BuildOptions, ProgressOptions, grouped
from nixgen.cli.images import opening, parse_platform
from nixgen.cli.options import JsonOption, find_description
from nixgen.cli.output import (
    counted,
    end,
    human_size,
    print_json,
    print_note,
    print_result,
    reporting_errors,
)
from nixgen.cli.subjects import SubjectArgument, is_description, refuse_options
from nixgen.errors import EXIT_ANSWER_IS_NO, UsageError
from nixgen.platforms import native_system

if TYPE_CHECKING:
    from nixgen.closure.sizes import Budgets, ImageSize
    from nixgen.errors import Problem


@grouped
def size(
    subject: SubjectArgument = "app.toml",
    budget_file: Annotated[
        Path | None,
        typer.Option("--budget-file", metavar="FILE", help="Bounds for the sizes, in TOML."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="LOCK|IMAGE",
            help="What growth is counted from: a lockfile, or an image. Default: the description's "
            "own lockfile.",
        ),
    ] = None,
    max_growth: Annotated[
        str | None,
        typer.Option("--max-growth", metavar="PERCENT", help="The most it may have grown by."),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="Packages that are shown at most.")] = 10,
    as_json: JsonOption = False,
    *,
    options: BuildOptions,
    told: ProgressOptions,
) -> None:
    """Say how large an image is, and what grew. Writes nothing.

    Exit code 1: it is larger than its budget, or grew by more than is allowed.
    """
    with reporting_errors(as_json=as_json):
        budgets = _read_budgets(budget_file, max_growth)
        wish = _Wish(options=options, told=told)
        place = against or wish.own_lock(subject)
        before = wish.measure_before(place) if place is not None else {}
        judged = _judge(wish.measure(subject), before, budgets, where=place)
        if as_json:
            print_json(_document(judged, compared=place))
        else:
            print_result("\n\n".join(each.text(top) for each in judged))
        if any(each.excesses for each in judged):
            end(EXIT_ANSWER_IS_NO)


def _read_budgets(file: Path | None, max_growth: str | None) -> Budgets:
    from nixgen.closure.sizes import Budget, Budgets
    from nixgen.spec.budget import read_budgets
    from nixgen.spec.quantities import parse_percent

    read = read_budgets(file) if file is not None else Budgets(overall=Budget(), platforms={})
    if max_growth is None:
        return read
    try:
        asked = Budget(max_growth=parse_percent(max_growth))
    except ValueError as error:
        raise UsageError(f"--max-growth: {error}") from error
    # why: an option of the call goes before the file, also before what that says of a platform.
    platforms = {name: asked.over(each) for name, each in read.platforms.items()}
    return Budgets(overall=asked.over(read.overall), platforms=platforms)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """How sizes are found out."""

    options: BuildOptions
    told: ProgressOptions

    def own_lock(self, subject: str) -> str | None:
        """The lockfile of a description, where there is one."""
        from nixgen.lock import lock_path

        if not is_description(subject):
            return None
        path = lock_path(find_description(Path(subject)))
        return str(path) if path.is_file() else None

    def measure_before(self, place: str) -> dict[str, ImageSize]:
        """The sizes in a lockfile or of an image, by platform."""
        from nixgen.pipeline.sizing import read_recorded

        if Path(place).suffix == ".lock":
            profile = self.options.profile
            system = native_system()
            sizes = read_recorded(Path(place), profile=profile, build_system=system)
        else:
            sizes = self._measure_images(place)
        return {each.platform: each for each in sizes}

    def measure(self, subject: str) -> tuple[ImageSize, ...]:
        """The sizes of what the command is about."""
        if not is_description(subject):
            refuse_options([subject], self.options)
            return self._measure_images(subject)
        from nixgen.pipeline.build import layer_cache
        from nixgen.pipeline.sizing import measure_description
        from nixgen.pipeline.state import State

        with self.told.reporting() as reporter:
            return measure_description(
                self.options.request(Path(subject)),
                self.options.nix(reporter),
                state=State.of_user(os.environ),
                supply=self.options.supply(),
                cache=layer_cache(warn=print_note, rehash=False),
            )

    def _measure_images(self, name: str) -> tuple[ImageSize, ...]:
        from nixgen.oci.opening import choose_image
        from nixgen.pipeline.copying import open_image
        from nixgen.pipeline.sizing import measure_images

        wanted = [parse_platform(text) for text in self.options.platform or ()]
        only = wanted[0] if len(wanted) == 1 else None
        with (
            opening(
                plain_http=self.options.plain_http,
                ca_file=self.options.ca_file,
                quiet=self.told.quiet,
            ) as way,
            open_image(name, way, platform=only) as source,
        ):
            images = [choose_image(source, each) for each in wanted] or source.images
            return measure_images(source, images)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One platform's size, what it was, and where it exceeds its budget."""

    now: ImageSize
    before: ImageSize | None
    excesses: tuple[Problem, ...]

    def as_json(self) -> dict[str, Any]:
        """One element of `platforms` in the document of `nixgen size --json`."""
        from nixgen.closure.sizes import find_changes

        changes = find_changes(self.before, self.now) if self.before is not None else ()
        return {
            **self.now.as_json(),
            "before": None if self.before is None else self.before.as_json(),
            "packages": [each.as_json() for each in self.now.packages or ()],
            "changes": [each.as_json() for each in changes],
        }

    def text(self, top: int) -> str:
        """For people: at most `top` packages and `top` changes."""
        now = self.now
        layers = "" if now.layer_count is None else f" in {counted(now.layer_count, 'layer')}"
        lines = [
            f"{now.platform}: {human_size(now.size_bytes)}{layers}, "
            f"{human_size(now.unpacked_bytes)} unpacked"
        ]
        lines += self._growth(top)
        packages = (now.packages or ())[:top]
        if packages:
            lines += ["", f"{'files':>9}  {'adds':>9}  package"]
        for each in packages:
            sizes = f"{human_size(each.files_bytes):>9}  {human_size(each.added_bytes):>9}"
            lines.append(f"{sizes}  {each.name} {each.version}".rstrip())
        for problem in self.excesses:
            lines += ["", f"too large: {problem}"]
        return "\n".join(lines)

    def _growth(self, top: int) -> list[str]:
        from nixgen.closure.sizes import find_changes, growth_percent

        if self.before is None:
            return []
        was, now = self.before.size_bytes, self.now.size_bytes
        lines = [f"before: {human_size(was)}, {growth_percent(was, now):+.1f} %"]
        changes = find_changes(self.before, self.now)
        lines += [f"  {each.name} {each.grown_bytes:+d} B" for each in changes[:top]]
        if len(changes) > top:
            lines.append(f"  and {len(changes) - top} more packages changed")
        return lines


def _judge(
    now: tuple[ImageSize, ...],
    before: Mapping[str, ImageSize],
    budgets: Budgets,
    *,
    where: str | None,
) -> list[_Judged]:
    from nixgen.closure.sizes import find_excesses
    from nixgen.pipeline.sizing import refuse_unrecorded

    bounded = [each.platform for each in now if budgets.of(each.platform).max_growth is not None]
    if bounded and where is None:
        raise UsageError(
            "there is nothing that growth could be counted from",
            hint="--against names a lockfile or an image; `nixgen image` writes the lockfile",
        )
    refuse_unrecorded(bounded, before.values(), where or "")
    return [
        _Judged(
            now=each,
            before=before.get(each.platform),
            excesses=find_excesses(each, budgets.of(each.platform), before.get(each.platform)),
        )
        for each in now
    ]


def _document(judged: list[_Judged], *, compared: str | None) -> dict[str, Any]:
    return {
        "against": compared,
        "platforms": [each.as_json() for each in judged],
        "excesses": [problem.as_json() for each in judged for problem in each.excesses],
    }
