from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nixgen.errors import BuildError, MachineError, NixgenError, UsageError
from nixgen.imagetest import TestResult
from nixgen.imagetest.judging import judge
from nixgen.oci import StoreRoot
from nixgen.runtime import Captured, ImageFiles
from nixgen.spec import Expectation, FileCheck, PortCheck, Test
from tests.unit.imagetest.servers import REFUSED, Clock, FakeServer, http

PROCESS = ("shop", "--serve")


def captured(
    exit_code: int = 0, stdout: bytes = b"", stderr: bytes = b"", **more: bool
) -> Captured:
    limits = {"timed_out": False, "overflowed": False, **more}
    return Captured(exit_code=exit_code, stdout=stdout, stderr=stderr, **limits)


@dataclass
class FakePrograms:
    """Runs nothing, and says what would have come of it."""

    outcome: Captured | NixgenError = field(default_factory=captured)
    server: FakeServer = field(default_factory=FakeServer)
    runner: str = "fake"
    ran: list[Test] = field(default_factory=list)

    def capture(self, test: Test) -> Captured:
        self.ran.append(test)
        if isinstance(self.outcome, NixgenError):
            raise self.outcome
        return self.outcome

    @contextlib.contextmanager
    def start(self, test: Test) -> Iterator[FakeServer]:
        self.ran.append(test)
        if isinstance(self.outcome, NixgenError):
            raise self.outcome
        yield self.server
        self.server.close()


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    (tmp_path / "etc").mkdir()
    return ImageFiles(root=tmp_path, store=StoreRoot(), store_paths=frozenset())


def judged(
    test: Test, files: ImageFiles, programs: FakePrograms | MachineError | None = None
) -> TestResult:
    return judge(
        test,
        files=files,
        programs=programs or FakePrograms(),
        platform="linux/amd64",
        process=PROCESS,
        clock=Clock(),
    )


def test_a_program_that_does_as_expected_passes(files: ImageFiles) -> None:
    programs = FakePrograms(outcome=captured(0, b"shop 1.4.0\n", b"hi"))
    test = Test(name="version", run=("shop", "--version"), stdout=Expectation(text="shop 1.4.0"))
    result = judged(test, files, programs)
    assert (result.verdict, result.reasons, result.exit_code) == ("passed", (), 0)
    assert (result.command, result.runner) == (("shop", "--version"), "fake")
    assert (result.stdout, result.stderr) == ("shop 1.4.0\n", "hi")


def test_every_way_to_differ_is_told(files: ImageFiles) -> None:
    programs = FakePrograms(outcome=captured(3, b"a", b"b"))
    expected = Expectation(text="x")
    test = Test(
        name="all",
        run=("shop",),
        stdout=expected,
        stderr=expected,
        absent=("/etc",),
    )
    result = judged(test, files, programs)
    assert result.verdict == "failed"
    assert [reason.split("\n")[0] for reason in result.reasons] == [
        "/etc is there, and must not be",
        "exit code 3, not 0",
        "stdout differs",
        "stderr differs",
    ]


@pytest.mark.parametrize(
    ("wanted", "got", "reasons"),
    [
        (None, 0, ()),
        (3, 3, ()),
        (3, 0, ("exit code 0, not 3",)),
        (None, 139, ("exit code 139 (signal 11), not 0",)),
        (None, 255, ("exit code 255, not 0",)),
        (137, 137, ()),
    ],
)
def test_exit_codes(
    files: ImageFiles, wanted: int | None, got: int, reasons: tuple[str, ...]
) -> None:
    test = Test(name="x", run=("x",), exit=wanted)
    result = judged(test, files, FakePrograms(outcome=captured(got)))
    assert (result.reasons, result.exit_code) == (reasons, got)


def test_a_program_over_a_limit_fails_whatever_it_has_written(files: ImageFiles) -> None:
    test = Test(name="x", run=("x",), exit=137, stdout=Expectation(text="y"), timeout_ns=1_500_000)
    result = judged(test, files, FakePrograms(outcome=captured(137, b"y", timed_out=True)))
    assert result.reasons == ("it did not end within 0.0015 s and was killed",)
    assert (result.verdict, result.exit_code, result.stdout) == ("failed", None, "y")
    result = judged(test, files, FakePrograms(outcome=captured(137, b"y", overflowed=True)))
    assert result.reasons == ("it wrote more than 1 MiB",)


def test_a_flood_of_stderr_fails_a_test_that_expects_nothing_of_it(files: ImageFiles) -> None:
    result = judged(
        Test(name="x", run=("x",)), files, FakePrograms(outcome=captured(0, b"", b"y" * (1 << 20)))
    )
    assert (result.verdict, result.reasons) == ("failed", ("it wrote more than 1 MiB",))


def test_only_the_head_of_an_output_is_kept(files: ImageFiles) -> None:
    programs = FakePrograms(outcome=captured(0, "é".encode() * 100_000))
    assert judged(Test(name="x", run=("x",)), files, programs).stdout == "é" * 2048


def test_without_run_the_images_own_process_is_the_command(files: ImageFiles) -> None:
    programs = FakePrograms()
    result = judged(Test(name="x", exit=0), files, programs)
    assert (result.command, result.verdict) == (PROCESS, "passed")
    assert programs.ran[0].run is None


def test_looking_at_files_needs_nothing_to_run_them_by(files: ImageFiles) -> None:
    test = Test(name="files", files=(FileCheck(path="/etc"),))
    result = judged(test, files, MachineError("nothing can run"))
    assert (result.verdict, result.command, result.runner) == ("passed", None, None)


def test_what_can_not_be_run_is_not_run_and_why(files: ImageFiles) -> None:
    test = Test(name="x", run=("x",), files=(FileCheck(path="/etc"),))
    result = judged(test, files, MachineError("no runner", hint="install one"))
    assert (result.verdict, result.reasons, result.hint) == (
        "not-run",
        ("no runner",),
        "install one",
    )
    assert result.command == ("x",)
    broken = FakePrograms(outcome=MachineError("podman could not start it"))
    assert judged(test, files, broken).verdict == "not-run"


def test_a_file_that_is_missing_fails_a_test_that_can_not_be_run(files: ImageFiles) -> None:
    test = Test(name="x", run=("x",), files=(FileCheck(path="/gone"),))
    result = judged(test, files, MachineError("no runner"))
    assert result.verdict == "failed"
    assert "/gone is not there" in result.reasons[0]


@pytest.mark.parametrize("error", [UsageError("'x' is not in its PATH"), BuildError("no user")])
def test_a_program_that_the_image_lacks_is_a_failure(files: ImageFiles, error: NixgenError) -> None:
    result = judged(Test(name="x", run=("x",)), files, FakePrograms(outcome=error))
    assert (result.verdict, result.reasons) == ("failed", (error.message,))


SERVER = Test(name="serves", ports=(PortCheck(port=80), PortCheck(port=81, get="/")))


def test_a_server_passes_once_every_port_has_answered(files: ImageFiles) -> None:
    server = FakeServer(replies=[REFUSED, b"", http(200)], stderr=b"listening")
    result = judged(SERVER, files, FakePrograms(server=server))
    assert (result.verdict, result.reasons, result.exit_code) == ("passed", (), None)
    assert (server.ports, server.stop_graces) == ([80, 80, 81], [])
    assert result.stderr == "listening"


def test_a_server_whose_outcome_counts_is_asked_to_end(files: ImageFiles) -> None:
    test = Test(name="serves", ports=(PortCheck(port=80),), exit=0, stderr=Expectation(text="bye"))
    result = judged(test, files, FakePrograms(server=FakeServer(stopped=0, stderr=b"bye\n")))
    assert (result.verdict, result.exit_code) == ("passed", 0)
    result = judged(test, files, FakePrograms(server=FakeServer(stopped=137, stderr=b"bye\n")))
    assert result.reasons == ("exit code 137 (signal 9), not 0",)


def test_a_server_gets_no_more_grace_than_the_test_has_time(files: ImageFiles) -> None:
    server = FakeServer()
    test = Test(name="x", ports=(PortCheck(port=80),), exit=0, timeout_ns=2_000_000_000)
    judged(test, files, FakePrograms(server=server))
    assert server.stop_graces == [2.0]


def test_a_server_that_ends_early_fails_with_its_exit_code(files: ImageFiles) -> None:
    server = FakeServer(replies=[REFUSED], exit_code=2, stderr=b"port taken")
    result = judged(SERVER, files, FakePrograms(server=server))
    assert result.reasons == ("port 80: the program ended before it answered, with exit code 2",)
    assert (result.exit_code, result.stderr) == (2, "port taken")


def test_a_server_that_writes_too_much_fails_even_when_it_answers(files: ImageFiles) -> None:
    server = FakeServer(replies=[b"", http(200)], overflowed=True)
    result = judged(SERVER, files, FakePrograms(server=server))
    assert result.reasons == ("it wrote more than 1 MiB",)


def test_a_port_that_does_not_answer_fails_and_the_rest_is_not_asked(files: ImageFiles) -> None:
    server = FakeServer(replies=[http(404)])
    test = Test(name="x", ports=(PortCheck(port=81, get="/"), PortCheck(port=80)))
    result = judged(test, files, FakePrograms(server=server))
    assert result.reasons == ("port 81, GET /: status 404, not 200",)
    assert server.ports == [81]
