"""Each runner of this machine, on an image whose program tells what it sees."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nixgen.errors import BuildError, UsageError
from nixgen.runtime import (
    RUNNER_NAMES,
    Captured,
    RunnableImage,
    RunnerInfo,
    capture,
    choose_runner,
    start,
)
from tests.unit.runtime.images import GID, UID, make_image, open_folder, remove_folder

PLACE = Path(f"/tmp/nixgen-test-{os.getpid()}")
NAMES = [name for name in RUNNER_NAMES if name != "unshare" or os.geteuid() == 0]


@pytest.fixture(scope="module")
def image() -> Iterator[RunnableImage]:
    folder = open_folder()
    yield make_image(folder)
    remove_folder(folder)


@pytest.fixture(params=NAMES, scope="module")
def runner(request: pytest.FixtureRequest, image: RunnableImage) -> RunnerInfo:
    return choose_runner(request.param, image.platform)


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A temporary folder of our own, so that only what these tests leave is seen."""
    PLACE.mkdir(mode=0o755)
    PLACE.chmod(0o1777)
    monkeypatch.setenv("TMPDIR", str(PLACE))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    left = leftovers()
    remove_folder(PLACE)
    assert left == ([], [], [])


def leftovers() -> tuple[list[str], list[str], list[str]]:
    """Probes that run, folders of runs, podman's containers and images."""
    running = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if line[0].rsplit(b"/", 1)[-1] == b"probe":
            running.append(f"{process.name} {line}")
    known = podman("ps", "-a", "--format={{.Image}}") + podman("images", "--format={{.Repository}}")
    return (
        running,
        sorted(str(path) for path in PLACE.glob("nixgen-run-*")),
        [name for name in known.splitlines() if str(PLACE) in name],
    )


def podman(*args: str) -> str:
    return subprocess.run(["podman", *args], capture_output=True, text=True, check=True).stdout


def tell(image: RunnableImage, runner: RunnerInfo, *words: str, **more: object) -> Captured:
    limits = {"timeout_s": 60.0, "max_output_bytes": 1 << 20}
    return capture(image, runner, ["probe", *words], **{**limits, **more})  # type: ignore[arg-type]


def lines(done: Captured) -> list[str]:
    assert done.stderr == b""
    assert done.exit_code == 0
    return done.stdout.decode().splitlines()


def test_runs_as_the_image_says_without_privileges(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    found = lines(tell(image, runner, "report"))
    assert [f"uid {UID}", f"gid {GID}", "cwd /desk"] == found[:3]
    assert f"machine {os.uname().machine}" in found
    assert "CapEff:\t0000000000000000" in found
    assert "NoNewPrivs:\t1" in found
    assert not [
        line for line in found if line.startswith("extra-group") and line != "extra-group 65534"
    ]


def test_without_argv_the_images_own_process_runs(image: RunnableImage, runner: RunnerInfo) -> None:
    done = capture(image, runner, timeout_s=60, max_output_bytes=1 << 20)
    assert f"uid {UID}" in lines(done)


def test_environment_is_the_images_and_what_was_asked_for(
    image: RunnableImage, runner: RunnerInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "leaked")
    monkeypatch.setenv("http_proxy", "http://leaked.invalid:1")
    found = lines(tell(image, runner, "env", env={"MORE": "a=b c", "GREETING": "other"}))
    # why: podman sets the first, bubblewrap the second, and neither can be told not to.
    own = {"HOSTNAME", "PWD"}
    assert sorted(line for line in found if line.split("=")[0] not in own) == [
        "EMPTY=",
        "GREETING=other",
        "HOME=/home/app",
        "MORE=a=b c",
        "PATH=/bin",
    ]


def test_arguments_arrive_as_they_are(image: RunnableImage, runner: RunnerInfo) -> None:
    words = ["args", "", "two words", "--", "-x", "$HOME", 'q"uote', "new\nline", "ü"]
    found = tell(image, runner, *words)
    assert found.stdout.decode() == "".join(f"<{word}>\n" for word in ["probe", *words])


def test_only_tmp_and_volumes_can_be_written(image: RunnableImage, runner: RunnerInfo) -> None:
    done = tell(image, runner, "write", "/x", "/home/app/x", "/etc/passwd", "/tmp/x", "/data/x")
    assert lines(done) == [
        "/x EROFS",
        "/home/app/x EROFS",
        "/etc/passwd EACCES",
        "/tmp/x ok",
        "/data/x ok",
    ]


def test_a_root_that_is_not_read_only_has_the_images_own_owners_and_modes(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    done = tell(image, runner, "write", "/home/app/x", "/etc/x", "/desk/x", read_only=False)
    assert lines(done) == ["/home/app/x ok", "/etc/x EACCES", "/desk/x EACCES"]
    again = tell(image, runner, "read", "/home/app/x")
    assert lines(again) == ["ENOENT"], "a run left something in the image"


def test_files_of_root_are_not_readable(image: RunnableImage, runner: RunnerInfo) -> None:
    assert lines(tell(image, runner, "read", "/etc/secret")) == ["EACCES"]


def test_the_store_can_not_be_written(image: RunnableImage, runner: RunnerInfo) -> None:
    paths = [f"{path}/x" for path in image.conf.store_paths] + ["/nix/store/x"]
    done = tell(image, runner, "write", *paths, read_only=False)
    assert not [line for line in lines(done) if line.endswith(" ok")]


def test_tmp_has_its_mode(image: RunnableImage, runner: RunnerInfo) -> None:
    assert lines(tell(image, runner, "mode", "/tmp")) == ["1777"]


def test_store_paths_that_are_files_or_links_are_there(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    for path in image.conf.store_paths:
        assert lines(tell(image, runner, "read", path)) == ["ok"]


def test_nothing_of_the_machine_is_there(image: RunnableImage, runner: RunnerInfo) -> None:
    for path in ("/usr", "/root", str(image.layout), "/bin/sh", "/etc/shadow"):
        assert lines(tell(image, runner, "read", path)) == ["ENOENT"]


def test_devices_are_there(image: RunnableImage, runner: RunnerInfo) -> None:
    done = tell(image, runner, "write", "/dev/null", "/dev/zero", "/dev/full")
    assert lines(done) == ["/dev/null ok", "/dev/zero ok", "/dev/full ok"]
    assert lines(tell(image, runner, "read", "/dev/urandom")) == ["ok"]
    assert lines(tell(image, runner, "read", "/dev/kmsg")) != ["ok"]


def test_no_descriptor_of_the_caller_is_open(image: RunnableImage, runner: RunnerInfo) -> None:
    assert lines(tell(image, runner, "fds")) == []


@pytest.mark.parametrize("code", [0, 1, 7, 125, 126, 127, 255])
def test_exit_codes_are_the_programs(image: RunnableImage, runner: RunnerInfo, code: int) -> None:
    assert tell(image, runner, "exit", str(code)).exit_code == code


def test_stderr_is_kept_apart(image: RunnableImage, runner: RunnerInfo) -> None:
    done = tell(image, runner, "nonsense")
    assert (done.exit_code, done.stdout) == (64, b"")
    assert done.stderr == b"probe: what is nonsense?\n"


def test_stdin_is_what_was_given_or_empty(image: RunnableImage, runner: RunnerInfo) -> None:
    data = os.urandom(300_000)
    assert tell(image, runner, "cat", stdin=data).stdout == data
    assert tell(image, runner, "cat").stdout == b""


def test_a_program_over_its_time_is_killed_with_all_it_started(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    done = tell(image, runner, "sleep", timeout_s=1.5)
    assert done.timed_out
    assert not done.overflowed
    assert done.stdout.startswith(b"sleeping\n")


def test_a_program_that_writes_too_much_is_killed(image: RunnableImage, runner: RunnerInfo) -> None:
    done = tell(image, runner, "spam", max_output_bytes=100_000)
    assert done.overflowed
    assert len(done.stdout) == 100_000


def test_without_network_only_its_own_loopback_is_there(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert lines(tell(image, runner, "connect", port)) == ["ECONNREFUSED"]
        assert lines(tell(image, runner, "connect", port, network=True)) == ["connected"]


def test_a_server_answers_and_ends_by_its_stop_signal(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with start(image, runner, args=["serve", str(port)]) as running:
        assert running.wait_for_port(port, timeout_s=30)
        with socket.create_connection(("127.0.0.1", port)) as peer:
            assert peer.recv(100) == b"served\n"
        # why: what carries the output may be slower than the connection.
        until(lambda: running.stdout == b"listening\n")
    with start(image, runner, args=["trap"]) as running:
        until(lambda: running.stdout == b"ready\n")
        assert running.stop() == 5
        assert running.stdout == b"ready\nbye\n"


def test_a_server_without_network_is_reached_through_its_own_loopback(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start(image, runner, args=["serve", str(port)], network=False) as running:
            assert running.wait_for_port(port, timeout_s=30)
            with running.connect(port) as peer:
                assert peer.recv(100) == b"served\n"
            with pytest.raises(ConnectionRefusedError):
                running.connect(port + 1 if port < 65535 else 1)


def test_a_server_over_its_time_is_killed(image: RunnableImage, runner: RunnerInfo) -> None:
    with start(image, runner, args=["deaf"], timeout_s=1.0) as running:
        assert running.wait(30) == 137
        assert (running.timed_out, running.overflowed) == (True, False)
        assert running.stdout == b"ready\n"


def test_a_server_that_writes_too_much_is_killed(image: RunnableImage, runner: RunnerInfo) -> None:
    with start(image, runner, args=["spam"], max_output_bytes=100_000) as running:
        assert running.wait(30) == 137
        assert (running.timed_out, running.overflowed) == (False, True)
        assert len(running.stdout) == 100_000


def test_what_a_program_leaves_in_the_background_is_ended_with_it(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    done = tell(image, runner, "daemon")
    assert (done.exit_code, done.stdout) == (0, b"gone into the background\n")
    assert leftovers()[0] == []
    with start(image, runner, args=["daemon"]) as running:
        assert running.wait(30) == 0
        assert leftovers()[0] == []


def test_a_server_that_is_deaf_is_killed(image: RunnableImage, runner: RunnerInfo) -> None:
    with start(image, runner, args=["deaf"]) as running:
        until(lambda: running.stdout == b"ready\n")
        assert running.wait(0) is None
        assert running.stop(grace_s=0.2) == 137


def test_a_server_that_ends_by_itself_is_not_waited_for(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    with start(image, runner, args=["exit", "3"]) as running:
        assert not running.wait_for_port(1, timeout_s=30)
        assert running.wait() == 3
        assert running.stop() == 3


def test_a_program_that_is_not_there_is_named_with_what_is(
    image: RunnableImage, runner: RunnerInfo
) -> None:
    with pytest.raises(UsageError, match=r"'prob'(.|\n)*/bin: broken, plain, probe"):
        capture(image, runner, ["prob"], timeout_s=5, max_output_bytes=1)
    with pytest.raises(UsageError, match="no-such-shell"):
        capture(image, runner, ["/bin/broken"], timeout_s=5, max_output_bytes=1)


def test_an_image_without_its_entrypoint_is_refused(runner: RunnerInfo) -> None:
    folder = open_folder()
    try:
        broken = make_image(folder, config={"Entrypoint": ["gone"]})
        with pytest.raises(BuildError, match="'gone'"):
            capture(broken, runner, timeout_s=5, max_output_bytes=1)
    finally:
        remove_folder(folder)


def test_a_root_image_runs_without_capabilities_over_files(runner: RunnerInfo) -> None:
    folder = open_folder()
    try:
        image = make_image(folder, config={"User": "root", "StopSignal": "SIGUSR1"})
        found = lines(tell(image, runner, "report"))
        assert {"uid 0", "gid 0"} <= set(found)
        assert (
            lines(tell(image, runner, "write", "/x", "/proc/sys/kernel/hostname"))[0] == "/x EROFS"
        )
    finally:
        remove_folder(folder)


RUN = """
import sys
from nixgen.platforms import native_platform
from nixgen.runtime import choose_runner, run
from tests.integration.test_runtime import described
image = described(sys.argv[1])
sys.exit(run(image, choose_runner(sys.argv[2], image.platform), args=sys.argv[3:]))
"""


def described(folder: str) -> RunnableImage:
    """The image that `make_image` made below a folder, in another process."""
    import pickle

    loaded: RunnableImage = pickle.loads((Path(folder) / "image.pickle").read_bytes())
    return loaded


@pytest.fixture
def attached(image: RunnableImage, runner: RunnerInfo) -> Iterator[list[str]]:
    """The argument vector of a process that runs the image on its own stdio."""
    import pickle

    folder = image.layout.parent
    (folder / "image.pickle").write_bytes(pickle.dumps(image))
    yield [sys.executable, "-c", RUN, str(folder), runner.name]


def test_run_passes_stdio_and_the_exit_code(attached: list[str]) -> None:
    done = subprocess.run([*attached, "cat"], input=b"through", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"through", b"")
    done = subprocess.run([*attached, "exit", "9"], capture_output=True, check=False)
    assert done.returncode == 9
    done = subprocess.run([*attached, "kill", "9"], capture_output=True, check=False)
    assert done.returncode in (137, 0)  # why: the first process of a namespace is deaf to itself.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_run_passes_signals_to_the_program(attached: list[str], number: int) -> None:
    with subprocess.Popen([*attached, "trap"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stdout.read() == b"bye\n"
    assert process.returncode == 5


def test_the_second_signal_kills_a_deaf_program(attached: list[str]) -> None:
    with subprocess.Popen([*attached, "deaf"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b""
    assert process.returncode == 137


def until(holds: object, timeout_s: float = 30.0) -> None:
    assert callable(holds)
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
