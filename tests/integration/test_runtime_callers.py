"""Who runs an image and how: an ordinary user, a killed caller, a terminal, another platform."""

from __future__ import annotations

import multiprocessing
import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nixgen.platforms import Platform
from nixgen.runtime import Captured, RunnableImage, RunnerInfo, capture, choose_runner, start
from tests.integration.test_runtime import (
    NAMES,
    attached,
    image,
    leftovers,
    nothing_left,
    runner,
    until,
)
from tests.unit.runtime.images import UID, make_image, open_folder, remove_folder

__all__ = ["attached", "image", "nothing_left", "runner"]

AARCH64_TEXT = b"hello from aarch64\n"
ORDINARY_USER = 12345
BINFMT = Path("/proc/sys/fs/binfmt_misc")


def become_ordinary() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(ORDINARY_USER)
        os.setuid(ORDINARY_USER)
    os.chdir("/")
    # why: this one may be in a folder of root's.
    sys.executable = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable


def ask(image: RunnableImage, words: list[str]) -> Captured:
    bwrap = RunnerInfo(name="bwrap", usable=True)
    return capture(image, bwrap, words, timeout_s=60, max_output_bytes=1 << 20)


def ask_server(image: RunnableImage, words: list[str]) -> bytes:
    bwrap = RunnerInfo(name="bwrap", usable=True)
    with start(image, bwrap, words, network=False) as running:
        assert running.wait_for_port(int(words[-1]), timeout_s=30)
        with running.connect(int(words[-1])) as peer:
            return peer.recv(100)


def as_ordinary_user(
    image: RunnableImage,
    *words: str,
    action: Callable[[RunnableImage, list[str]], Any] = ask,
) -> Any:
    ours, theirs = multiprocessing.Pipe()

    def body() -> None:
        become_ordinary()
        theirs.send(action(image, ["probe", *words]))

    forked = multiprocessing.get_context("fork")
    process = forked.Process(target=body)
    process.start()
    theirs.close()
    done = ours.recv()
    process.join()
    return done


def test_an_ordinary_user_reaches_a_server_that_has_no_network(image: RunnableImage) -> None:
    assert as_ordinary_user(image, "serve", "8080", action=ask_server) == b"served\n"


def test_an_ordinary_user_runs_images_as_the_images_user(image: RunnableImage) -> None:
    found = as_ordinary_user(image, "report").stdout.decode().splitlines()
    assert found[:3] == [f"uid {UID}", f"gid {UID}", "cwd /desk"]
    assert "CapEff:\t0000000000000000" in found
    done = as_ordinary_user(image, "write", "/x", "/tmp/x", "/data/x")
    assert done.stdout == b"/x EROFS\n/tmp/x ok\n/data/x ok\n"
    assert as_ordinary_user(image, "exit", "3").exit_code == 3


@pytest.mark.parametrize("name", [name for name in NAMES if name != "podman"])
def test_a_killed_caller_takes_the_program_with_it(
    image: RunnableImage, name: str, attached: list[str]
) -> None:
    argv = [*attached[:-1], name, "sleep"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"sleeping\n"
        assert len(leftovers()[0]) == 2
        process.kill()
    until(lambda: not leftovers()[0])
    for left in leftovers()[1]:
        remove_folder(Path(left))


def test_interrupting_on_a_terminal_ends_all(
    image: RunnableImage, attached: list[str], runner: RunnerInfo
) -> None:
    """Ctrl-C reaches every process in the foreground, the runner's own too."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(attached[0], [*attached, "trap"])
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 1024)
    time.sleep(0.1)
    os.write(terminal, b"\x03")
    while b"bye" not in seen:
        seen += os.read(terminal, 1024)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    os.close(terminal)
    until(lambda: not leftovers()[0])


def aarch64_program() -> bytes:
    """AArch64 code in an ELF file made by hand: writes AARCH64_TEXT, ends with 4."""
    code = b"".join(
        word.to_bytes(4, "little")
        for word in (
            0xD2800808,  # mov x8, 64 (write)
            0xD2800020,  # mov x0, 1
            0x100000C1,  # adr x1, 24 bytes on
            0xD2800002 | len(AARCH64_TEXT) << 5,  # mov x2, length
            0xD4000001,  # svc 0
            0xD2800BA8,  # mov x8, 93 (exit)
            0xD2800080,  # mov x0, 4
            0xD4000001,  # svc 0
        )
    )
    base, head = 0x400000, 64 + 56
    size = head + len(code) + len(AARCH64_TEXT)

    def numbers(width: int, *values: int) -> bytes:
        return b"".join(value.to_bytes(width, "little") for value in values)

    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + numbers(2, 2, 183) + numbers(4, 1)
    elf += numbers(8, base + head, 64, 0) + numbers(4, 0) + numbers(2, 64, 56, 1, 0, 0, 0)
    segment = numbers(4, 1, 5) + numbers(8, 0, base, base, size, size, 4096)
    return elf + segment + code + AARCH64_TEXT


@pytest.fixture
def foreign_image() -> Iterator[RunnableImage]:
    folder = open_folder()
    program, platform = aarch64_program(), Platform.parse("linux/arm64")
    yield make_image(folder, program=program, platform=platform)
    remove_folder(folder)


@pytest.fixture
def emulator() -> None:
    """qemu-user for AArch64 in binfmt_misc, registered if it is not."""
    if os.uname().machine == "aarch64" or (BINFMT / "qemu-aarch64").exists():
        return
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT], check=True)
    conf = Path("/usr/lib/binfmt.d/qemu-aarch64.conf").read_bytes()
    (BINFMT / "register").write_bytes(conf)


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("name", NAMES)
def test_an_image_of_another_platform_runs_under_emulation(
    foreign_image: RunnableImage, name: str
) -> None:
    chosen = choose_runner(name, foreign_image.platform)
    done = capture(foreign_image, chosen, timeout_s=60, max_output_bytes=1000)
    assert (done.exit_code, done.stdout, done.stderr) == (4, AARCH64_TEXT, b"")


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_found_whatever_variant_its_platform_has(name: str) -> None:
    """The program is this machine's own: only what the image says of itself is foreign."""
    folder = open_folder()
    try:
        image = make_image(folder, platform=Platform.parse("linux/arm/v6"))
        done = capture(
            image,
            RunnerInfo(name=name, usable=True),
            ["probe", "exit", "3"],
            timeout_s=60,
            max_output_bytes=1000,
        )
        assert done.exit_code == 3
    finally:
        remove_folder(folder)
