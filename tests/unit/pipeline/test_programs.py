"""Programs of another machine in an image: which are found, where they come from, what is said."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nixgen.closure.graph import ClosureGraph
from nixgen.elf import ElfTarget
from nixgen.errors import BuildError, MachineError
from nixgen.globs import matches_image_path
from nixgen.oci import ImageConf
from nixgen.oci.programs import ForeignProgram
from nixgen.pipeline.memory import Memory
from nixgen.pipeline.programs import explain, find_foreign, read_program, write_program
from nixgen.platforms import Platform
from tests.unit.oci.synthetic import SyntheticStore, store_path

AMD64, ARM64, ARMV7, I386, S390X = (
    Platform.parse(f"linux/{name}") for name in ("amd64", "arm64", "arm/v7", "386", "s390x")
)


def program(platform: Platform) -> bytes:
    return platform.facts.elf.header() + bytes(100)


@pytest.fixture
def synthetic(tmp_path: Path) -> SyntheticStore:
    return SyntheticStore(tmp_path)


def find(
    synthetic: SyntheticStore,
    conf: ImageConf,
    platform: Platform,
    memory: Memory[ForeignProgram] | None = None,
) -> list[tuple[str, str | None]]:
    found = find_foreign(conf, platform, store=synthetic.store, memory=memory or Memory())
    return [(each.path, each.store_path) for each in found]


def image_of(synthetic: SyntheticStore, *paths: str, **own: bytes) -> ImageConf:
    return synthetic.conf([list(paths)], synthetic.add_customisation({"./etc": None, **own}))


@pytest.mark.parametrize("other", [ARM64, ARMV7, I386, S390X], ids=str)
def test_a_program_of_another_machine_is_found_wherever_it_lies(
    synthetic: SyntheticStore, other: Platform
) -> None:
    tree = synthetic.add_tree(
        "tool", {"bin/good": program(AMD64), "lib/deep/bad.so": program(other), "doc": b"text"}
    )
    alone = synthetic.add_file("alone", program(other))
    conf = image_of(synthetic, tree, alone, **{"./etc/bad": program(other)})
    assert find(synthetic, conf, AMD64) == [
        (f"{tree}/lib/deep/bad.so", tree),
        (alone, alone),
        ("/etc/bad", None),
    ]


def test_the_class_of_a_program_counts_beside_its_machine(synthetic: SyntheticStore) -> None:
    x32 = synthetic.add_file("x32", ElfTarget(machine=62, bits=32).header())
    assert find(synthetic, image_of(synthetic, x32), AMD64) == [(x32, x32)]


def test_what_is_no_program_of_linux_is_left_alone(synthetic: SyntheticStore) -> None:
    tree = synthetic.add_tree(
        "data",
        {
            "probe.o": ElfTarget(machine=247, bits=64).header(),
            "module.go": ElfTarget(machine=0, bits=64).header(),
            "cut": program(ARM64)[:19],
            "empty": b"",
            "script": b"#!/bin/sh\n# \x7fELF and more, to be long enough\n",
        },
    )
    (synthetic.place(tree) / "link").symlink_to(synthetic.place(tree) / "probe.o")
    assert find(synthetic, image_of(synthetic, tree), AMD64) == []


def test_what_is_left_out_of_the_image_is_left_alone(synthetic: SyntheticStore) -> None:
    tree = synthetic.add_tree("tool", {"test/bad": program(ARM64), "bad": program(ARM64)})
    conf = image_of(synthetic, tree, **{"./etc/bad": program(ARM64)})
    trimmed = dataclasses.replace(conf, absent=frozenset({f"{tree}/test", "/etc"}))
    assert find(synthetic, trimmed, AMD64) == [(f"{tree}/bad", tree)]


def test_arm_v6_and_v7_look_alike(synthetic: SyntheticStore) -> None:
    tool = synthetic.add_file("tool", program(ARMV7))
    assert find(synthetic, image_of(synthetic, tool), Platform.parse("linux/arm/v6")) == []


def test_a_store_path_that_is_gone_is_told(synthetic: SyntheticStore) -> None:
    conf = image_of(synthetic, store_path(9, "gone"))
    with pytest.raises(MachineError, match="missing from the store"):
        find(synthetic, conf, AMD64)


def test_a_layer_that_is_no_archive_is_told(synthetic: SyntheticStore) -> None:
    conf = synthetic.conf([], synthetic.add_customisation_tar(b"\1" * 2000))
    with pytest.raises(BuildError, match="not a whole tar archive"):
        find(synthetic, conf, AMD64)


def test_only_layers_that_are_new_are_read(synthetic: SyntheticStore) -> None:
    old = synthetic.add_tree("old", {"bin/bad": program(ARM64)})
    custom = synthetic.add_customisation({"./etc": None})
    first: Memory[ForeignProgram] = Memory()
    expected = find(synthetic, synthetic.conf([[old]], custom), AMD64, first)
    assert first.has_news
    (synthetic.place(old) / "bin/bad").unlink()
    new = synthetic.add_file("new", program(ARM64))
    second = Memory.of(first.as_json(write_program), read_program)
    conf = synthetic.conf([[old], [new]], custom)
    assert find(synthetic, conf, AMD64, second) == [*expected, (new, new)]
    assert second.has_news
    third = Memory.of(second.as_json(write_program), read_program)
    assert find(synthetic, conf, AMD64, third) == [*expected, (new, new)]
    assert not third.has_news


def test_what_is_remembered_is_of_one_platform(synthetic: SyntheticStore) -> None:
    tool = synthetic.add_file("tool", program(ARM64))
    conf = image_of(synthetic, tool)
    memory: Memory[ForeignProgram] = Memory()
    assert find(synthetic, conf, ARM64, memory) == []
    assert find(synthetic, conf, AMD64, Memory.of(memory.as_json(write_program), read_program)) == [
        (tool, tool)
    ]


A, B, C, D = (store_path(number, name) for number, name in enumerate("abcd"))


def graph(references: dict[str, list[str]], *roots: str) -> ClosureGraph:
    return ClosureGraph.of(roots, dict.fromkeys(references, 1), references)


def test_each_program_comes_with_what_brings_it() -> None:
    target = AMD64.facts.elf
    found = [
        ForeignProgram(path=f"{D}/bin/tool", store_path=D, target=target),
        ForeignProgram(path="/usr/bin/mine", store_path=None, target=target),
    ]
    references = {A: [C], B: [D], C: [D], D: []}
    first, second = explain(found, ARM64, graph(references, A, B))
    assert first.file == f"{D}/bin/tool"
    assert first.message.splitlines() == [
        f"is for {AMD64.facts.elf}; linux/arm64 takes {ARM64.facts.elf}",
        f"  in the image by {B}",
        f"    which refers to {D}",
    ]
    assert (second.file, "own files" in second.message) == ("/usr/bin/mine", True)


def test_a_program_that_nothing_leads_to_stands_alone() -> None:
    program = ForeignProgram(path=f"{D}/tool", store_path=D, target=AMD64.facts.elf)
    (problem,) = explain([program], ARM64, graph({A: []}, A))
    assert problem.message.endswith(f"in the image by {D}")


def test_of_many_programs_the_first_are_told_and_the_rest_counted() -> None:
    one = ForeignProgram(path="/x", store_path=None, target=AMD64.facts.elf)
    problems = list(explain([one] * 25, ARM64, graph({})))
    assert len(problems) == 11
    assert problems[-1].message == "15 more in the image for linux/arm64"


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("/usr/lib/firmware", "/usr/lib/firmware/a/b.bin", True),
        ("/usr/lib/*.bin", "/usr/lib/b.bin", True),
        ("/usr/lib/*.bin", "/usr/lib/firmware/b.bin", False),
        ("d/bin", f"{D}/bin/tool", True),
        ("d", f"{D}/bin/tool", True),
        ("d", D, True),
        ("**/tool", f"{D}/bin/tool", True),
        ("c", f"{D}/bin/c", False),
        ("usr", "/usr/bin/tool", False),
        ("/**", f"{D}/bin/tool", True),
    ],
)
def test_patterns_mean_files_of_the_image(pattern: str, path: str, meant: bool) -> None:
    assert matches_image_path(pattern, path) is meant
