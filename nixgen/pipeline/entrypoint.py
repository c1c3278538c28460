"""Whether the program that an image starts is in the image at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from nixgen.closure.rules import Minimising
from nixgen.closure.variants import format_variants
from nixgen.errors import BuildError
from nixgen.oci import ImageConf
from nixgen.oci.store import holder_of
from nixgen.oci.trimmed import is_absent
from nixgen.plan.config import DEFAULT_PATH
from nixgen.rootfiles import RootFiles
from nixgen.runtime import ImageProcess, RunnableImage, make_command, open_workspace


def check_entrypoint(
    image: RunnableImage,
    base: RootFiles | None,
    *,
    whole: ImageConf,
    rules: Minimising,
    variants: Mapping[str, str],
) -> None:
    """Raise BuildError where the image's program is not in the image; none at all is fine.

    `base` is what lies below the image, `whole` the image before its `rules`, `variants` the
    smaller packages that were taken: the error names the one of them that took the program.
    Nothing is run, and `image.layout` need not be there yet.
    """
    try:
        _find_program(image, base)
    except BuildError as error:
        if image.conf != whole:
            _refuse_left_out(image, whole, rules)
        if not variants:
            raise
        names = ", ".join(f'"{name}"' for name in variants)
        told = "\n".join(f"  {line}" for line in format_variants(variants))
        raise BuildError(
            f"{error.message}\n{told}", hint=f"[closure] as-named = [{names}]  takes what is named"
        ) from error


def _find_program(image: RunnableImage, base: RootFiles | None) -> None:
    config = image.conf.config
    argv = _argv(config)
    if not argv:
        return
    with open_workspace(image) as workspace:
        files = workspace.files
        if base is None:
            make_command(ImageProcess.of(image, files), files)
            return
        places = _places(argv[0], config)
        # why `has`: a link of this layer may lead to what only the base has.
        if any(base.is_program(place) or files.has(base.place(place)) for place in places):
            return
    raise BuildError(
        f"the image can't run {argv[0]!r}: neither its base has it nor what is added\n"
        f"  looked for: {', '.join(places)}",
        hint="add the package that has it to image.contents",
    )


def _refuse_left_out(image: RunnableImage, whole: ImageConf, rules: Minimising) -> None:
    """Raise BuildError where the image's program is among what its rules left out of `whole`.

    The error names the file and what took it.
    """
    left = image.conf
    argv = _argv(whole.config)
    with open_workspace(dataclasses.replace(image, conf=whole)) as workspace:
        found = (workspace.files.resolve(place) for place in _places(argv[0], whole.config))
        program = next((path for path in found if path is not None), None)
    if program is None:
        return
    holder = holder_of(program)
    is_left = holder in left.store_paths and not is_absent(program, left.absent)
    if is_left or holder not in whole.store_paths:
        return
    file = program.removeprefix(f"{holder}/")
    reason = rules.reason(file)
    taken = "[closure]" if reason is None else f"[closure], by {reason}"
    raise BuildError(
        f"the image can't run {argv[0]!r}: {program} is left out by {taken}",
        hint=f'[closure] keep = ["{file}"]  keeps it',
    )


def _argv(config: Mapping[str, Any]) -> list[str]:
    return [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]


def _places(name: str, config: Mapping[str, Any]) -> Sequence[str]:
    """Where a program may be that is named as for execvp."""
    if name.startswith("/"):
        return [name]
    env = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
    search = env.get("PATH", DEFAULT_PATH).split(":")
    folders = [config.get("WorkingDir") or "/"] if "/" in name else search
    return [f"{folder}/{name}" for folder in folders]
