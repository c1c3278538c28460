"""Tests of an image by each runner of this machine, and what is left of them: nothing."""

from __future__ import annotations

import pickle
import signal
import socket
import subprocess
import sys
import time

import pytest

from nixgen.errors import MachineError
from nixgen.imagetest import Choice, ImageUnderTest, TestReport, run_tests
from nixgen.platforms import Platform
from nixgen.progress import Silent
from nixgen.runtime import RunnableImage, RunnerInfo
from nixgen.spec import Expectation, FileCheck, PortCheck, Test
from tests.integration.test_runtime import image, leftovers, nothing_left, runner, until
from tests.unit.runtime.images import UID

__all__ = ["image", "nothing_left", "runner"]

PASSING = (
    Test(name="its own process", stdout=Expectation(contains=(f"uid {UID}", "cwd /desk"))),
    Test(name="as root", run=("probe", "report"), user=(0, 0), stdout=Expectation(regex="^uid 0$")),
    Test(name="reads", run=("probe", "cat"), stdin="a\nb\n", stdout=Expectation(text="a\nb")),
    Test(
        name="sees its environment",
        run=("probe", "env"),
        env=(("GREETING", "other"),),
        stdout=Expectation(contains=("GREETING=other\n", "EMPTY=\n")),
    ),
    Test(
        name="writes to /tmp only",
        run=("probe", "write", "/tmp/x", "/x"),
        stdout=Expectation(text="/tmp/x ok\n/x EROFS"),
    ),
    Test(name="leaves something behind", run=("probe", "daemon")),
    Test(
        name="serves",
        run=("probe", "http", "8080"),
        ports=(
            PortCheck(port=8080),
            PortCheck(port=8080, get="/", body=Expectation(text="hi")),
            PortCheck(port=8080, get="/busy"),
            PortCheck(port=8080, get="/none", status=404),
        ),
    ),
    Test(
        name="ends when it is told to",
        run=("probe", "http", "8080"),
        ports=(PortCheck(port=8080),),
        exit=5,
        stdout=Expectation(text="bye"),
        files=(FileCheck(path="/bin/probe", type="file", mode=0o555),),
        absent=("/bin/sh",),
    ),
)


def outcome_of(
    image: RunnableImage, runner: RunnerInfo, *tests: Test, name: tuple[str, ...] = ()
) -> TestReport:
    return run_tests(
        [ImageUnderTest(image=image, tests=tests)],
        Choice(names=name, runner=runner.name),
        reporter=Silent(),
    )


def test_tests_pass_and_leave_nothing(image: RunnableImage, runner: RunnerInfo) -> None:
    report = outcome_of(image, runner, *PASSING)
    assert [(one.name, one.reasons) for one in report.results if one.reasons] == []
    assert report.verdict == "passed"
    assert {one.runner for one in report.results} == {runner.name}
    assert leftovers()[0] == []


def test_failures_are_told_and_leave_nothing(image: RunnableImage, runner: RunnerInfo) -> None:
    second = 1_000_000_000
    slow = PortCheck(port=8080, get="/slow")
    report = outcome_of(
        image,
        runner,
        Test(name="too long", run=("probe", "sleep"), timeout_ns=second),
        Test(name="too much", run=("probe", "spam")),
        Test(name="deaf", run=("probe", "http", "8080"), ports=(slow,), timeout_ns=second),
        Test(name="absent", run=("prob",)),
        Test(name="early", run=("probe", "exit", "3"), ports=(PortCheck(port=8080),)),
        Test(name="noisy", run=("probe", "spam"), ports=(PortCheck(port=8080),)),
    )
    reasons = {one.name: one.reasons[0].split("\n")[0] for one in report.results}
    assert reasons.pop("deaf").startswith("port 8080, GET /slow: no answer in time: ")
    assert reasons == {
        "too long": "it did not end within 1 s and was killed",
        "too much": "it wrote more than 1 MiB",
        "absent": "the image can't run 'prob': it is not in its PATH",
        "early": "port 8080: the program ended before it answered, with exit code 3",
        "noisy": "it wrote more than 1 MiB",
    }
    assert {one.verdict for one in report.results} == {"failed"}
    assert leftovers()[0] == []


def test_the_network_is_the_machines_only_when_asked_for(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        run = ("probe", "connect", str(server.getsockname()[1]))
        report = outcome_of(
            image,
            runner,
            Test(name="alone", run=run, stdout=Expectation(text="ECONNREFUSED")),
            Test(name="asked for", run=run, network=True, stdout=Expectation(text="connected")),
        )
    assert report.verdict == "passed", report


def test_a_platform_that_nothing_runs_here_is_not_run_but_for_its_files(
    image: RunnableImage,
) -> None:
    def choose(preferred: str | None, platform: Platform) -> RunnerInfo:
        raise MachineError(f"this machine can't run {platform}", hint="install qemu")

    run = Test(name="run", run=("probe",))
    files = Test(name="files", files=(FileCheck(path="/bin/probe"),))
    report = run_tests(
        [ImageUnderTest(image=image, tests=(run, files))],
        Choice(),
        reporter=Silent(),
        choose=choose,
    )
    assert [(one.verdict, one.hint) for one in report.results] == [
        ("not-run", "install qemu"),
        ("passed", None),
    ]
    assert report.verdict == "not-run"


TESTING = """
import pickle, sys
from tests.integration.test_image_tests import outcome_of
image, runner, test = pickle.loads(sys.stdin.buffer.read())
print("started", flush=True)
outcome_of(image, runner, test)
"""


@pytest.mark.parametrize(
    ("number", "ports"),
    [(signal.SIGINT, ()), (signal.SIGTERM, (PortCheck(port=8080),))],
    ids=["program", "server"],
)
def test_interrupted_tests_leave_nothing(
    image: RunnableImage,
    runner: RunnerInfo,
    number: signal.Signals,
    ports: tuple[PortCheck, ...],
) -> None:
    test = Test(name="long", run=("probe", "sleep"), ports=ports)
    with subprocess.Popen(
        [sys.executable, "-c", TESTING], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(pickle.dumps((image, runner, test)))
        process.stdin.close()
        assert process.stdout.readline() == b"started\n"
        until(lambda: len(leftovers()[0]) == 2)
        process.send_signal(number)
        began = time.monotonic()
        assert process.wait(60) != 0
        assert time.monotonic() - began < 30
    assert leftovers() == ([], [], [])
