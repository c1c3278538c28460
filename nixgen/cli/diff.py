"""`nixgen diff`: what differs between two images."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.images import ImageArgument, OnePlatformOption, opening, parse_platform
from nixgen.cli.options import CaFileOption, JsonOption, PlainHttpOption, QuietOption
from nixgen.cli.output import end, human_size, print_json, print_result, reporting_errors
from nixgen.errors import EXIT_ANSWER_IS_NO

if TYPE_CHECKING:
    from nixgen.oci.comparing import Difference

_MOST = 50


def diff(
    first: ImageArgument,
    second: ImageArgument,
    platform: OnePlatformOption = None,
    ignore_store_hashes: Annotated[
        bool,
        typer.Option(
            "--ignore-store-hashes",
            help="Let the hashes of the images' own store paths differ, in names and contents.",
        ),
    ] = False,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say what differs: packages, files, config, annotations.

    Exit code 1 where anything does.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.oci.comparing import compare
        from nixgen.oci.opening import choose_image
        from nixgen.pipeline.copying import open_image

        wanted = parse_platform(platform)
        with (
            opening(plain_http=plain_http, ca_file=ca_file, quiet=quiet) as access,
            ExitStack() as stack,
        ):
            one, other = (
                stack.enter_context(open_image(name, access, platform=wanted))
                for name in (first, second)
            )
            images = choose_image(one, wanted), choose_image(other, wanted)
            difference = compare(
                (one, other),
                images,
                ignore_store_hashes=ignore_store_hashes,
                reporter=access.reporter,
            )
        if as_json:
            print_json({"a": first, "b": second, **difference.as_json()})
        else:
            print_result("\n".join(_text(difference)))
        if not difference.equal:
            end(EXIT_ANSWER_IS_NO)


def _text(difference: Difference) -> list[str]:
    """The difference for people; of each part at most so many lines."""
    lines: list[str] = []
    for part, detail in _DETAILS.items():
        changes = getattr(difference, part)
        if not changes:
            continue
        lines.append(f"{part}: {len(changes)}")
        for name, (a, b) in list(changes.items())[:_MOST]:
            sign = "+" if a is None else "-" if b is None else "~"
            lines.append(f"  {sign} {name}  {detail(a, b)}".rstrip())
        if len(changes) > _MOST:
            lines.append(f"  … and {len(changes) - _MOST} more: --json names all")
    for name, (size_a, size_b) in difference.sizes.items():
        delta = f", {size_b - size_a:+d} B" if size_a != size_b else ""
        sizes = _change(human_size(size_a), human_size(size_b))
        lines.append(f"{_SIZES.get(name, name)}: {sizes}{delta}")
    return [*lines, _verdict(difference)]


def _verdict(difference: Difference) -> str:
    if not difference.equal:
        return "the images differ"
    if difference.ignores_store_hashes:
        return "equal but for store hashes"
    return "the content is the same"


def _package_change(a: Sequence[dict[str, Any]] | None, b: Sequence[dict[str, Any]] | None) -> str:
    def names(packages: Sequence[dict[str, Any]]) -> str:
        return ", ".join(each["version"] or "no version" for each in packages)

    def size(packages: Sequence[dict[str, Any]]) -> str:
        return human_size(sum(each["size_bytes"] for each in packages))

    there = [each for each in (a, b) if each is not None]
    built = " built anew" if len(there) == 2 and names(there[0]) == names(there[1]) else ""
    return f"{_change(*map(names, there))}{built}, {_change(*map(size, there))}"


def _file_change(a: dict[str, Any] | None, b: dict[str, Any] | None) -> str:
    there = [each for each in (a, b) if each is not None]
    sizes = _change(*(human_size(each["size_bytes"]) for each in there))
    if a is None or b is None:
        kind = there[0]["kind"]
        return f"{kind}, {sizes}" if kind == "file" else str(kind)
    changes = [
        f"{key} {_change(str(a[key]), str(b[key]))}"
        for key in ("kind", "mode", "uid", "gid")
        if a[key] != b[key]
    ]
    changes += [f"content, {sizes}"] if a["sha256"] != b["sha256"] else []
    changes += ["another target"] if a["target"] != b["target"] else []
    return ", ".join(changes)


def _value_change(a: Any, b: Any) -> str:
    return _change(*(json.dumps(each, ensure_ascii=False) for each in (a, b) if each is not None))


def _change(*values: str) -> str:
    """What it was and is, or the one that there is."""
    return " -> ".join(dict.fromkeys(values))


_SIZES = {"stored_bytes": "size as stored", "files_bytes": "size of the files"}
_DETAILS: dict[str, Callable[[Any, Any], str]] = {
    "packages": _package_change,
    "files": _file_change,
    "config": _value_change,
    "annotations": _value_change,
}
