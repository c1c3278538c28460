"""No program of another machine gets into an image: looked for when it is built, before writing.

A build that takes a program of the build machine along, a script whose interpreter is one, a
binary that somebody checked in: all of them work on the machine that builds, and not where the
image runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from nixgen.closure.graph import ClosureGraph
from nixgen.elf import ElfTarget
from nixgen.errors import ForeignProgramError, Problem
from nixgen.globs import matches_image_path
from nixgen.nixcli import Nix
from nixgen.oci import ImageConf, StoreRoot
from nixgen.oci.programs import ForeignProgram, find_in_layer, find_in_store_path
from nixgen.oci.trimmed import is_absent
from nixgen.pipeline.closures import read_graph
from nixgen.pipeline.memory import Memory, facts_of, remembered
from nixgen.pipeline.realise import Evaluated
from nixgen.pipeline.state import State
from nixgen.plan import ImagePlan
from nixgen.platforms import Platform

_SHOWN = 10


def check_programs(
    evaluated: Evaluated,
    confs: Sequence[ImageConf],
    nix: Nix,
    *,
    state: State,
    store: StoreRoot,
    anew: bool = False,
) -> None:
    """Raise ForeignProgramError with the programs that are for another machine than their image.

    `confs` stand in the order of the plan's images. What was found is remembered, so that
    only layers that are new since the last build of the description are read; all with `anew`.
    """
    problems: list[Problem] = []
    with remembered(
        "programs", evaluated, state, read=read_program, write=write_program, anew=anew
    ) as memory:
        for image, conf in zip(evaluated.prepared.plan.images, confs, strict=True):
            found = [
                program
                for program in find_foreign(conf, image.platform, store=store, memory=memory)
                if not _is_meant(program, image)
            ]
            if found:
                problems += explain(found, image.platform, read_graph(conf, nix, store=store))
    if problems:
        raise ForeignProgramError(
            "the image would hold programs of another machine",
            problems=problems,
            hint="what runs in the image must come from the packages of its own platform (in Nix: "
            "pkgs.NAME, not pkgs.buildPackages.NAME); `nixgen why` tells which file brings what; "
            "programs of other machines that are meant to be there go into image.foreign-binaries",
        )


def _is_meant(program: ForeignProgram, image: ImagePlan) -> bool:
    return any(matches_image_path(pattern, program.path) for pattern in image.foreign_binaries)


def find_foreign(
    conf: ImageConf, platform: Platform, *, store: StoreRoot, memory: Memory[ForeignProgram]
) -> list[ForeignProgram]:
    """The programs of an image that are for another machine; a base image is not looked at.

    Raises MachineError for what can't be read.
    """
    wanted = platform.facts.elf
    place = (str(store.root), str(wanted))
    found: list[ForeignProgram] = []
    for layer in conf.store_layers:
        asked = (*place, *facts_of(layer, store))
        found += memory.recall(asked, partial(_find_in_paths, layer, wanted, store))
    own = conf.customisation_layer
    tar = store.physical(own) / "layer.tar"
    asked = (*place, *facts_of([own], store), "layer.tar")
    found += memory.recall(asked, partial(find_in_layer, tar, wanted))
    return [program for program in found if not is_absent(program.path, conf.absent)]


def _find_in_paths(
    paths: Iterable[str], wanted: ElfTarget, store: StoreRoot
) -> Iterator[ForeignProgram]:
    for path in paths:
        yield from find_in_store_path(path, wanted, store=store)


def write_program(program: ForeignProgram) -> list[Any]:
    """A finding as it is remembered."""
    target = program.target
    return [program.path, program.store_path, target.machine, target.bits, target.byte_order]


def read_program(written: Sequence[Any]) -> ForeignProgram:
    """The inverse; raises TypeError and ValueError."""
    path, store_path, machine, bits, byte_order = written
    target = ElfTarget(machine=machine, bits=bits, byte_order=byte_order)
    return ForeignProgram(path=path, store_path=store_path, target=target)


def explain(
    found: Sequence[ForeignProgram], platform: Platform, graph: ClosureGraph
) -> Iterator[Problem]:
    """A problem for each of the first programs, and one for the rest."""
    for program in found[:_SHOWN]:
        message = f"is for {program.target}; {platform} takes {platform.facts.elf}"
        if program.store_path is None:
            message += "\n  one of the image's own files"
        else:
            chains = graph.chains(program.store_path, limit=1).shown
            chain = chains[0] if chains else (program.store_path,)
            message += "\n  in the image by " + "\n    which refers to ".join(chain)
        yield Problem(message=message, file=program.path)
    if len(found) > _SHOWN:
        yield Problem(message=f"{len(found) - _SHOWN} more in the image for {platform}")
