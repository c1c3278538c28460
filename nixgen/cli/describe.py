"""Commands about the description itself: `init`, `check`, `schema`. None of them needs Nix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.options import DescriptionArgument, JsonOption
from nixgen.cli.output import print_json, print_note, print_result, reporting_errors
from nixgen.errors import DescriptionError, MachineError, Problem, UsageError

if TYPE_CHECKING:
    from nixgen.spec import Description

_DEFAULT = Path("app.toml")


def init(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Replace an app.toml that is there.")
    ] = False,
) -> None:
    """Write a commented app.toml that fits what is in a folder."""
    with reporting_errors(as_json=False):
        from nixgen.spec import starting_description

        if not folder.is_dir():
            raise UsageError(f"{folder}: not a folder", hint="name the folder of your project")
        place = folder / "app.toml"
        text = starting_description(folder)
        try:
            with place.open("w" if force else "x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise UsageError(f"{place} is there already", hint="--force replaces it") from None
        except OSError as error:
            raise MachineError(f"{place}: {error.strerror or error}") from error
        print_result(str(place))
        print_note(f"next: nixgen check {place}; nixgen image {place}")


def check(description: DescriptionArgument = _DEFAULT, as_json: JsonOption = False) -> None:
    """Say every mistake that can be known without Nix."""
    with reporting_errors(as_json=as_json):
        from nixgen.spec import read_description

        path = description / "app.toml" if description.is_dir() else description
        found = read_description(path)
        unserved = {
            problem: None
            for profile in (None, *found.profiles)
            for problem in found.unserved(profile)
        }
        if unserved:
            raise DescriptionError("this nixgen can't build it yet", problems=list(unserved))
        _resolve_all(found)
        if as_json:
            print_json({"file": str(path), "digest": str(found.digest), "problems": []})
        else:
            print_result(f"{path}: no mistakes found")


def _resolve_all(description: Description) -> None:
    """Resolve for every profile and platform; raises DescriptionError with the mistakes of all."""
    from nixgen.pipeline.taken import survey_taken

    problems: dict[Problem, None] = {}
    specs = []
    for profile in (None, *description.profiles):
        for platform in description.platforms(profile):
            try:
                specs.append(description.resolve(platform=platform, profile=profile))
            except DescriptionError as error:
                problems |= dict.fromkeys(error.problems)
    try:
        survey_taken(specs, description.path)
    except DescriptionError as error:
        problems |= dict.fromkeys(error.problems)
    if problems:
        raise DescriptionError("the description has mistakes", problems=list(problems))


def schema() -> None:
    """Print the JSON Schema of app.toml, for editors."""
    with reporting_errors(as_json=False):
        from nixgen.spec import schema as make_schema

        print_json(make_schema())
