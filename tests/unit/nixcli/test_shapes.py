"""The same facts from every shape in which a version of Nix prints them."""

from typing import Any

import pytest

from nixgen.digest import Digest
from nixgen.errors import MachineError
from nixgen.nixcli.shapes import FixedOutput, parse_derivations, parse_path_infos

A = "/nix/store/0bn5y6q8jr2f5x4y1chpcpgxakln0dyj-a"
B = "/nix/store/1knxz0ddw6xsp2skzdvr6xcgbf77kr7r-b"
DRV = "/nix/store/wak7gh3ck9dshwj9m11c1awjy7r01ihr-dep.drv"
INPUT = "/nix/store/k70j83ij909krlv54r4n1diffij3wq73-fail2.drv"
NAR = Digest.of_bytes(b"nar")


def base(path: str) -> str:
    return path.removeprefix("/nix/store/")


def info(short: bool) -> dict[str, Any]:
    name = base if short else str
    return {
        "narHash": NAR.sri,
        "narSize": 760,
        "references": [name(B), name(A)],
        "deriver": name(DRV),
    }


@pytest.mark.parametrize(
    "answer",
    [
        [{"path": A, **info(False)}, {"path": B, "valid": False}],
        {A: info(False), B: None},
        {A: {**info(False), "storeDir": "/nix/store", "version": 1}, B: None},
        {"version": 2, "storeDir": "/nix/store", "info": {base(A): info(True), base(B): None}},
    ],
)
def test_path_infos(answer: Any) -> None:
    [found] = parse_path_infos(answer)
    assert str(found.path) == A
    assert found.nar_hash == NAR
    assert found.nar_size_bytes == 760
    assert [str(reference) for reference in found.references] == [A, B]
    assert str(found.deriver) == DRV


OLD = {
    "outputs": {"out": {"path": A}},
    "inputSrcs": [B],
    "inputDrvs": {INPUT: ["out"]},
    "system": "x86_64-linux",
    "builder": "/bin/nope",
    "args": ["-x"],
    "env": {"name": "dep"},
}
MIDDLE = {
    **OLD,
    "name": "dep",
    "inputDrvs": {INPUT: {"dynamicOutputs": {}, "outputs": ["out"]}},
}
NEW = {
    "outputs": {"out": {"path": base(A)}},
    "inputs": {
        "drvs": {base(INPUT): {"dynamicOutputs": {}, "outputs": ["out"]}},
        "srcs": [base(B)],
    },
    "system": "x86_64-linux",
    "builder": "/bin/nope",
    "args": ["-x"],
    "env": {"name": "dep"},
    "name": "dep",
    "version": 4,
}


@pytest.mark.parametrize(
    "answer", [{DRV: OLD}, {DRV: MIDDLE}, {"derivations": {base(DRV): NEW}, "version": 4}]
)
def test_derivations(answer: Any) -> None:
    [(path, derivation)] = parse_derivations(answer).items()
    assert str(path) == DRV
    assert derivation.name == "dep"
    assert {name: str(output) for name, output in derivation.outputs.items()} == {"out": A}
    assert [str(source) for source in derivation.input_sources] == [B]
    assert {str(drv): used for drv, used in derivation.input_derivations.items()} == {
        INPUT: ("out",)
    }
    assert (derivation.builder, derivation.args) == ("/bin/nope", ("-x",))


@pytest.mark.parametrize("answer", [None, 7, [{}], {A: {}}, {"x": info(False)}, [[1]]])
def test_an_unknown_shape_is_a_machine_error(answer: Any) -> None:
    with pytest.raises(MachineError, match="unknown shape"):
        parse_path_infos(answer)
    with pytest.raises(MachineError, match="unknown shape"):
        parse_derivations(answer if answer != {A: {}} else {A: {}})


HEX = NAR.hex


@pytest.mark.parametrize(
    ("output", "recursive"),
    [
        ({"hashAlgo": "sha256", "hash": HEX}, False),
        ({"hashAlgo": "r:sha256", "hash": HEX}, True),
        ({"hashAlgo": "sha256", "hash": HEX, "method": "flat"}, False),
        ({"hashAlgo": "sha256", "hash": HEX, "method": "nar"}, True),
        ({"hash": NAR.sri, "method": "nar"}, True),
    ],
)
def test_the_hash_of_a_fixed_output(output: dict[str, str], recursive: bool) -> None:
    answer = {DRV: {**OLD, "outputs": {"out": {"path": A, **output}}}}
    [derivation] = parse_derivations(answer).values()
    assert {name: str(path) for name, path in derivation.outputs.items()} == {"out": A}
    assert derivation.fixed_output == FixedOutput(algorithm="sha256", hex=HEX, recursive=recursive)


def test_an_output_that_depends_on_its_inputs_has_no_fixed_hash() -> None:
    [derivation] = parse_derivations({DRV: OLD}).values()
    assert derivation.fixed_output is None


def test_a_fixed_hash_that_is_none_is_an_unknown_shape() -> None:
    with pytest.raises(MachineError, match="unknown shape"):
        parse_derivations({DRV: {**OLD, "outputs": {"out": {"path": A, "hash": "zz"}}}})


def test_the_path_of_a_fixed_output_is_known_where_nix_tells_its_hash_only() -> None:
    entry = {
        **NEW,
        "outputs": {"out": {"hash": NAR.sri, "method": "nar"}},
        "env": {"out": A},
        "structuredAttrs": {"urls": ["https://example.org"]},
    }
    answer = {"derivations": {base(DRV): entry}, "version": 4}
    [derivation] = parse_derivations(answer).values()
    assert {name: str(path) for name, path in derivation.outputs.items()} == {"out": A}
    assert derivation.env["__json"] == '{"urls": ["https://example.org"]}'
