"""What a file's first bytes say of the machine it is for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.elf import HEADER_BYTES, ElfTarget, parse_header
from tests.fakes.elf import program

_TARGETS = st.builds(
    ElfTarget,
    machine=st.integers(0, 0xFFFF),
    bits=st.sampled_from([32, 64]),
    byte_order=st.sampled_from(["little", "big"]),
)


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_a_program_tells_its_machine(machine: str, number: int) -> None:
    found = parse_header(program("hello", 0, machine=machine))
    assert found == ElfTarget(machine=number, bits=64)


@given(_TARGETS)
def test_a_header_gives_its_target_back(target: ElfTarget) -> None:
    assert len(target.header()) == HEADER_BYTES
    assert parse_header(target.header()) == target
    assert parse_header(target.header() + b"more") == target


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x7fELF",
        b"#!/bin/sh\necho hello world\n",
        b"\x7fELF\x00\x01" + bytes(20),
        b"\x7fELF\x02\x03" + bytes(20),
        ElfTarget(machine=62, bits=64).header()[:-1],
    ],
    ids=["empty", "magic alone", "script", "no class", "no byte order", "cut short"],
)
def test_anything_else_is_no_program(data: bytes) -> None:
    assert parse_header(data) is None


@given(st.binary(max_size=64))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    parse_header(data)


def test_data_in_the_form_of_a_program_is_of_no_platform() -> None:
    bpf, guile = (ElfTarget(machine=number, bits=64) for number in (247, 0))
    assert not bpf.is_of_a_platform
    assert not guile.is_of_a_platform
    assert ElfTarget(machine=62, bits=64).is_of_a_platform


def test_people_read_names() -> None:
    assert str(ElfTarget(machine=62, bits=64)) == "x86-64 (64 bits, little endian)"
    assert str(ElfTarget(machine=9, bits=32, byte_order="big")) == "machine 9 (32 bits, big endian)"
