"""Each way in which Nix fails becomes the error that tells the user what to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from nixgen.errors import (
    EvaluationError,
    HashMismatchError,
    MachineError,
    NetworkError,
    NixgenError,
)
from nixgen.nixcli import BuildTarget, DerivationFailedError, StorePath, ThrownError
from nixgen.progress import DerivationFinished, DerivationsPlanned, DerivationStarted, LogLine
from tests.fakes.nix import PURE, argv, error_line, failing, fake_nix, internal

HASH = "0123456789abcdfghijklmnpqrsvwxyz"
DRV = f"/nix/store/{HASH}-hello-1.0.drv"
TREE = f"/nix/store/{HASH}-source"
NAMES = {StorePath.parse(TREE): "."}


def failure(folder: Path, lines: list[str], **more: Any) -> NixgenError:
    """The error that a call raises in which Nix wrote these lines."""
    nix, _, _ = fake_nix(folder, {argv("nix", *PURE, "1"): failing(lines)})
    with pytest.raises(NixgenError) as caught:
        nix.eval_json("1", **more)
    return caught.value


# Evaluation


def test_the_users_own_file_comes_first(tmp_path: Path) -> None:
    library = f"/nix/store/{HASH}-nixgen/build/x.nix"
    line = error_line(
        "attribute '\x1b[35;1mfoo\x1b[0m' missing",
        file=library,
        line=90,
        column=3,
        trace=[
            {"file": library, "line": 80, "column": 1, "raw_msg": "while calling x"},
            {
                "file": f"{TREE}/app/foo.nix:3:5",
                "line": 3,
                "column": 5,
                "raw_msg": "from call site",
            },
            {"file": f"{TREE}/default.nix", "line": 1, "column": 2, "raw_msg": "while importing"},
            {"file": None, "line": None, "column": None, "raw_msg": "while y"},
        ],
    )
    error = failure(tmp_path, [line], names=NAMES)
    assert isinstance(error, EvaluationError)
    assert error.message == "./app/foo.nix:3:5: attribute 'foo' missing"
    assert str(error.problems[0]) == "./default.nix:1: while importing"


def test_without_a_file_of_the_users_the_place_of_the_error_is_told(tmp_path: Path) -> None:
    place = f"/nix/store/{HASH}-nixpkgs/pkgs/a.nix"
    error = failure(tmp_path, [error_line("broken", file=place, line=7, column=1)], names=NAMES)
    assert error.message == f"{place}:7:1: broken"


def test_an_expression_of_our_own_is_not_shown_as_a_place(tmp_path: Path) -> None:
    error = failure(tmp_path, [error_line("broken", file="let a = 1; in", line=1, column=1)])
    assert isinstance(error, EvaluationError)
    assert error.message == "Nix can't evaluate this: broken"


PAYLOAD = {"kind": "unknown-packages", "packages": ["a\nb", 'say "hi" ${x} é }'], "message": "no"}


@pytest.mark.parametrize(
    "raw",
    [
        "nixgen-error:" + json.dumps(PAYLOAD),
        "nixgen-error: " + json.dumps(PAYLOAD) + "\n",
        "while evaluating nixgen-error:{\nerror: nixgen-error:" + json.dumps(PAYLOAD) + " (more)",
        "\x1b[35;1mnixgen-error:" + json.dumps(PAYLOAD, ensure_ascii=False) + "\x1b[0m",
    ],
)
def test_what_our_library_threw_is_found_in_the_noise(tmp_path: Path, raw: str) -> None:
    noise = [internal(action="msg", level=1, msg="warning: x"), "plain text", "@nix {broken"]
    error = failure(tmp_path, [*noise, error_line(raw.strip())])
    assert isinstance(error, ThrownError)
    assert error.payload == PAYLOAD
    assert error.message == "no"


def test_a_user_who_throws_something_else_is_not_taken_for_our_library(tmp_path: Path) -> None:
    error = failure(tmp_path, [error_line("nixgen-error:[1]")])
    assert not isinstance(error, ThrownError)
    assert isinstance(error, EvaluationError)


# Builds

BUILD_FAILURES = {
    "2.8": "builder for '{drv}' failed with exit code 3;\nlast 1 log lines:\n> oh no",
    "2.26": "builder for '{drv}' failed with exit code 3;\nlast 1 log lines:\n> oh no",
    "2.34": "Cannot build '{drv}'.\nReason: builder failed with exit code 3.\nOutput paths:\n  /x",
}


@pytest.mark.parametrize("version", sorted(BUILD_FAILURES))
def test_a_failed_build_shows_the_end_of_its_log(tmp_path: Path, version: str) -> None:
    lines = [
        internal(action="start", id=1, type=104, text=""),
        internal(action="result", id=1, type=105, fields=[0, 2, 0, 0]),
        internal(action="start", id=5, type=105, fields=[DRV, "", 1, 1], text="building"),
        *(internal(action="result", id=5, type=101, fields=[f"line {n}"]) for n in range(50)),
        internal(action="stop", id=5),
        error_line(BUILD_FAILURES[version].format(drv=DRV)),
        error_line("1 dependencies of derivation '/nix/store/x' failed to build"),
    ]
    nix, _, recorder = fake_nix(
        tmp_path, {argv("nix-store", "--realise", DRV + "!out"): failing(lines)}
    )
    target = BuildTarget(drv_path=StorePath.parse(DRV), outputs={}, default_output="out")
    with pytest.raises(DerivationFailedError) as caught:
        nix.realise([target])
    error = caught.value
    assert error.message.startswith("the build of hello-1.0 failed (exit code 3)")
    assert error.log_tail == tuple(f"line {n}" for n in range(30, 50))
    assert error.message.splitlines()[-1] == "  | line 49"
    assert error.hint is not None
    assert "nixgen log" in error.hint
    assert recorder.events[:3] == [
        DerivationsPlanned(count=2),
        DerivationStarted(name="hello-1.0"),
        LogLine(name="hello-1.0", text="line 0"),
    ]
    assert recorder.events[-1] == DerivationFinished(name="hello-1.0")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"builder for '{DRV}' failed due to signal 9 (Killed)", "signal 9 (Killed)"),
        (
            f"builder for '{DRV}' failed to produce output path for output 'out' at '/x'",
            "it made no output",
        ),
        (
            f"Cannot build '{DRV}'.\nReason: builder failed due to signal 9 (Killed).\nOutput",
            "signal 9 (Killed)",
        ),
    ],
)
def test_the_reason_of_a_failed_build(tmp_path: Path, text: str, reason: str) -> None:
    error = failure(tmp_path, [error_line(text)])
    assert isinstance(error, DerivationFailedError)
    assert error.reason == reason


@pytest.mark.parametrize(
    "layout", ["\n  specified: {a}\n     got:    {b}", "\n specified {a}\n got {b}"]
)
def test_a_hash_mismatch_names_both_hashes(tmp_path: Path, layout: str) -> None:
    text = f"hash mismatch in fixed-output derivation '{DRV}':"
    error = failure(tmp_path, [error_line(text + layout.format(a="sha256-A=", b="sha256-B="))])
    assert isinstance(error, HashMismatchError)
    assert error.message.splitlines() == [
        "hello-1.0 does not have the hash it is pinned by",
        "  expected: sha256-A=",
        "  got:      sha256-B=",
    ]


@pytest.mark.parametrize("joint", [", got", " but got"])
def test_a_changed_tree_names_both_hashes(tmp_path: Path, joint: str) -> None:
    text = f"NAR hash mismatch in input 'path:{TREE}' , expected 'sha256-A='{joint} 'sha256-B='"
    error = failure(tmp_path, [error_line(text)])
    assert isinstance(error, HashMismatchError)
    assert "sha256-A=" in error.message
    assert "sha256-B=" in error.message


def test_a_full_disk_in_a_build_is_the_machines_fault(tmp_path: Path) -> None:
    lines = [
        internal(action="start", id=5, type=105, fields=[DRV, "", 1, 1], text="building"),
        internal(action="result", id=5, type=101, fields=["ld: write: No space left on device"]),
        error_line(f"builder for '{DRV}' failed with exit code 1"),
    ]
    error = failure(tmp_path, lines)
    assert isinstance(error, MachineError)
    assert error.hint is not None
    assert "nixgen gc" in error.hint


def test_words_in_a_build_log_are_not_the_machines_fault(tmp_path: Path) -> None:
    lines = [
        internal(action="start", id=5, type=105, fields=[DRV, "", 1, 1], text="building"),
        internal(action="result", id=5, type=101, fields=["/nix/store/x: Permission denied"]),
        error_line(f"builder for '{DRV}' failed with exit code 1"),
    ]
    assert isinstance(failure(tmp_path, lines), DerivationFailedError)


# The machine


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("opening lock file '/nix/var/nix/db/big-lock': Permission denied", "--store"),
        ("creating directory '/nix/store/.links': Read-only file system", "--store"),
        ("cannot connect to socket at '/nix/var/x': Connection refused", "systemctl start"),
        ("cannot connect to socket at '/nix/var/x': Permission denied", "nix-users"),
        ("cannot connect to daemon at '/nix/var/x': No such file or directory", "systemctl start"),
        ("writing to file: No space left on device", "nixgen gc"),
        ("executing SQLite query: database or disk is full", "nixgen gc"),
        ("cloning builder process: Operation not permitted", "userns"),
        ("this system does not support the kernel namespaces that are required", "userns"),
        ('Path "/tmp" is world-writable or a symlink. That is not allowed', "--store"),
        ("the group 'nixbld' specified in 'build-users-group' does not exist", "reinstall"),
        ("a 'riscv64-linux' with features {} is required to build 'x', but I am a 'y'", "doctor"),
        (f"Cannot build '{DRV}'.\nReason: platform mismatch\nRequired system: 'x'", "doctor"),
        ("unable to start any build; remote machines may not have all required system", "doctor"),
    ],
)
def test_a_fault_of_the_machine_comes_with_the_command_that_mends_it(
    tmp_path: Path, text: str, hint: str
) -> None:
    for line in (error_line(text), f"error: {text}"):
        error = failure(tmp_path, [line])
        assert type(error) is MachineError
        assert error.hint is not None
        assert hint in error.hint


def test_a_failed_download_is_a_network_error(tmp_path: Path) -> None:
    text = "unable to download 'https://x': Could not resolve host: x"
    assert isinstance(failure(tmp_path, [error_line(text)]), NetworkError)


def test_a_failure_without_a_word_is_still_an_error(tmp_path: Path) -> None:
    error = failure(tmp_path, [])
    assert isinstance(error, MachineError)
    assert "exit code 1" in error.message
