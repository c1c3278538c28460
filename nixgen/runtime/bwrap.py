"""Running an image with bubblewrap, as root or as an ordinary user; nothing is copied.

https://github.com/containers/bubblewrap
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nixgen.runtime.namespaces import Reported
from nixgen.runtime.options import Job, Launch
from nixgen.runtime.root import add_store_paths, make_place, open_to_group, replace_link

NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts")


@contextlib.contextmanager
def open_bwrap(job: Job) -> Iterator[Launch]:
    """The launch of a job; the workspace is made ready for it."""
    as_root = os.geteuid() == 0
    binds = add_store_paths(job.workspace, job.image)
    for path in ("/proc", "/dev"):
        make_place(job.workspace, path)
    add_own_folders(job)
    if as_root:
        open_to_group(job.workspace, job.command.gid)
    reported = Reported(job.workspace.status)
    with job.workspace.status.open("a") as status:
        yield Launch(
            argv=bwrap_argv(
                job,
                binds=binds,
                shared=network_binds(job),
                status_fd=status.fileno(),
                as_root=as_root,
            ),
            pass_fds=(status.fileno(),),
            own_session=not job.options.tty,
            signal=reported.signal,
            kill=reported.kill,
            pid=reported.init_pid,
            explain=reported.explain,
        )


def add_own_folders(job: Job) -> None:
    """Make the image's volumes and working directory where they are missing, as engines do.

    Raises BuildError where a volume is behind a link: it could lead to the machine's own files.
    """
    for path in job.command.volumes:
        make_place(job.workspace, path)
    if job.workspace.files.find(job.command.workdir) is None:
        make_place(job.workspace, job.command.workdir)


def network_binds(job: Job) -> tuple[tuple[Path, str], ...]:
    """The machine's own name resolution, for a run on its network; places are made."""
    binds = []
    for path in NETWORK_FILES if job.options.network else ():
        # why: an /etc that is a link into the store can't be added to.
        if job.workspace.files.resolve("/etc") == "/etc" and Path(path).exists():
            replace_link(job.workspace, path)
            make_place(job.workspace, path, folder=False)
            binds.append((Path(path).resolve(), path))
    return tuple(binds)


def bwrap_argv(
    job: Job,
    *,
    binds: Sequence[tuple[Path, str]],
    shared: Sequence[tuple[Path, str]],
    status_fd: int,
    as_root: bool,
) -> tuple[str, ...]:
    """The argument vector; as root the image's user is taken on before bubblewrap starts."""
    command, options, root = job.command, job.options, job.workspace.root
    argv: list[str] = []
    if as_root:
        argv += ["setpriv", f"--reuid={command.uid}", f"--regid={command.gid}"]
        argv += ["--clear-groups", "--pdeathsig", "KILL", "--"]
    argv += ["bwrap", "--json-status-fd", str(status_fd), "--die-with-parent"]
    if not as_root or command.uid != 0:
        argv += ["--unshare-user", "--uid", str(command.uid), "--gid", str(command.gid)]
    argv += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    argv += [] if options.network else ["--unshare-net"]
    argv += [] if options.tty else ["--new-session"]
    argv += ["--hostname", job.image.conf.repo_tag.split(":")[0].rsplit("/", 1)[-1][:63]]
    argv += ["--cap-drop", "ALL", "--clearenv"]
    for name, value in command.env:
        argv += ["--setenv", name, value]
    argv += ["--ro-bind" if options.read_only else "--bind", str(root), "/"]
    for source, path in binds:
        argv += ["--ro-bind", str(source), path]
    argv += ["--proc", "/proc", "--dev", "/dev"]
    if job.has_tmp:
        argv += ["--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108  why: a path of the image
    for path in command.volumes:
        argv += ["--bind", str(root / path.lstrip("/")), path]
    for source, path in shared:
        argv += ["--ro-bind", str(source), path]
    return (*argv, "--chdir", command.workdir, "--", *command.argv)
