"""Running an image with podman, from the OCI layout itself, as root or rootless.

The image is in podman's storage while it runs, under a name of its own, and gone afterwards.
https://docs.podman.io/en/latest/markdown/podman-create.1.html
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nixgen import _process
from nixgen.aside import scratch_folder
from nixgen.errors import MachineError
from nixgen.oci.image import REF_NAME
from nixgen.runtime.options import Job, Launch

_CONTROL_TIMEOUT_S = 120.0
_PULL_TIMEOUT_S = 1800.0
_SIGNAL_PATIENCE_S = 5.0
_SIGNAL_PAUSE_S = 0.1
_SAFE_PATH = re.compile(r"/[a-z0-9./-]*")
_QUIET = "PODMAN_IGNORE_CGROUPSV1_WARNING=1"
_RUNTIMES = ("crun", "runc")
# why: what podman itself asks for where the machine sets no lower limit.
_MOST_FILES = 1048576
_MOST_PROCESSES = 32768


@contextlib.contextmanager
def open_podman(job: Job) -> Iterator[Launch]:
    """The launch of a job: a container that is made and ready to start."""
    with _pulled(job) as name, _container(job, name) as (container, remove):

        def signal_container(number: int) -> None:
            # why: podman refuses this while it does not yet know that the container runs, which
            # the program itself may have shown already.
            deadline = time.monotonic() + _SIGNAL_PATIENCE_S
            while _podman("kill", f"--signal={number}", container).exit_code != 0:
                if time.monotonic() > deadline or _is_gone(container):
                    return
                time.sleep(_SIGNAL_PAUSE_S)

        def pid() -> int | None:
            shown = _podman("container", "inspect", "--format={{.State.Pid}}", container)
            text = shown.stdout.decode().strip()
            return int(text) if text.isdecimal() and text != "0" else None

        def explain(exit_code: int, stderr: str) -> str | None:
            # https://docs.podman.io/en/latest/markdown/podman-run.1.html#exit-status
            return stderr.strip() if exit_code == 125 and "Error:" in stderr else None

        interactive = ["--interactive"] if job.options.interactive or job.options.tty else []
        yield Launch(
            # why: podman 5's warning about an old kernel interface is no output of the program.
            argv=("env", _QUIET, "podman", "start", "--attach", *interactive, container),
            # why: podman passes on signals itself, and the terminal's where it has one.
            own_session=False,
            signal=signal_container,
            kill=remove,
            pid=pid,
            explain=explain,
        )


def create_argv(job: Job, name: str, *, runtime: str | None) -> tuple[str, ...]:
    """The argument vector that makes the container."""
    command, options = job.command, job.options
    argv = ["podman"] + (["--runtime", runtime] if runtime else [])
    # why: no --platform: what was pulled is the only one of its name, and podman 4 does not find
    # an image of arm/v6 by its platform.
    argv += ["create", "--pull=never", "--log-driver=none"]
    argv += ["--network=host" if options.network else "--network=none"]
    # why: without it podman hands the caller's proxy settings to the program.
    argv += ["--http-proxy=false", "--unsetenv-all", "--systemd=false", "--sdnotify=ignore"]
    for key, value in command.env:
        argv += ["--env", f"{key}={value}"]
    argv += ["--read-only", "--read-only-tmpfs=false"] if options.read_only else []
    if job.has_tmp:
        argv += ["--tmpfs=/tmp:rw,nosuid,nodev,exec,mode=1777"]
    argv += ["--cap-drop=all", "--security-opt=no-new-privileges"]
    argv += [f"--user={command.uid}:{command.gid}", f"--workdir={command.workdir}"]
    argv += [f"--ulimit={limit}" for limit in _limits()]
    argv += ["--tty"] if options.tty else []
    argv += ["--interactive"] if options.interactive or options.tty else []
    # why: one word in --entrypoint may hold spaces or look like JSON; --entrypoint= clears it.
    return (*argv, "--entrypoint=", "--", name, *command.argv)


@contextlib.contextmanager
def _pulled(job: Job) -> Iterator[str]:
    # why: podman 4 names the image by the layout's path, in which it refuses upper case; podman 5
    # by the tag. Here both are one name, of its own: runs at the same time are kept apart.
    with scratch_folder(_layout_folder(), prefix="nixgen-run-") as layout:
        name = f"localhost{layout}"
        _write_renamed(job, layout, name)
        try:
            _podman(
                "pull",
                "--quiet",
                f"--platform={job.image.platform}",
                f"oci:{layout}:{name}",
                timeout_s=_PULL_TIMEOUT_S,
            ).check()
            yield name
        finally:
            _podman("rmi", name)


def _write_renamed(job: Job, place: Path, name: str) -> None:
    """Make `place` a layout of the image's blobs in which the image has another name.

    Raises MachineError where it can't be made, or the image is not there.
    """
    layout = job.image.layout.resolve()
    try:
        index = json.loads((layout / "index.json").read_bytes())
        (entry,) = (
            entry
            for entry in index["manifests"]
            if entry.get("annotations", {}).get(REF_NAME) == job.image.tag
        )
        renamed = {**entry, "annotations": {**entry["annotations"], REF_NAME: name}}
        (place / "index.json").write_text(json.dumps({**index, "manifests": [renamed]}))
        shutil.copyfile(layout / "oci-layout", place / "oci-layout")
        (place / "blobs").symlink_to(layout / "blobs")
    except OSError as error:
        raise MachineError(f"{error.filename}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MachineError(f"{layout}: there is no image {job.image.tag} in it") from error


@contextlib.contextmanager
def _container(job: Job, name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Make a container that is ready to start, with the first OCI runtime that can."""
    failure = ""
    for runtime in _runtimes():
        created = _process.run(
            create_argv(job, name, runtime=runtime), timeout_s=_CONTROL_TIMEOUT_S
        ).check()
        container = created.stdout.decode().split()[-1]
        remove = functools.cache(functools.partial(_remove, container))
        try:
            readied = _podman("init", container, runtime=runtime)
            if readied.exit_code == 0:
                yield container, remove
                return
            failure = failure or readied.stderr.strip()
        finally:
            remove()
    raise MachineError(
        f"podman can't start containers on this machine: {failure}",
        hint="choose another runner (--runner bwrap), or install another OCI runtime: "
        "sudo apt-get install runc",
    )


def _is_gone(container: str) -> bool:
    return _podman("container", "exists", container).exit_code != 0


def _remove(container: str) -> None:
    _podman("rm", "--force", "--time=0", "--volumes", container)


def _runtimes() -> tuple[str | None, ...]:
    """Podman's own choice, then the others that are installed."""
    others = [name for name in _RUNTIMES if _process.find_program(name) is not None]
    return (None, *others)


@functools.cache
def _limits() -> tuple[str, ...]:
    """Limits that this process may set: podman's defaults can be above the machine's."""
    wanted = (
        ("nofile", resource.RLIMIT_NOFILE, _MOST_FILES),
        ("nproc", resource.RLIMIT_NPROC, _MOST_PROCESSES),
    )
    found = []
    for name, which, most in wanted:
        hard = resource.getrlimit(which)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(hard, most)
        found.append(f"{name}={limit}:{limit}")
    return tuple(found)


def _layout_folder() -> Path:
    for folder in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108
        if _SAFE_PATH.fullmatch(str(folder)) and folder.is_dir():
            return folder
    raise MachineError(
        "podman needs a temporary folder whose path is in lower case", hint="export TMPDIR=/tmp"
    )


def _podman(
    *args: str, runtime: str | None = None, timeout_s: float = _CONTROL_TIMEOUT_S
) -> _process.Completed:
    flags = ["--runtime", runtime] if runtime else []
    return _process.run(["podman", *flags, *args], timeout_s=timeout_s)
