"""Running an image with unshare(1), as root, where neither podman nor bubblewrap serves.

Namespaces of its own, the image's root moved to `/`, no capability left to the program, no new
privileges. https://man7.org/linux/man-pages/man1/unshare.1.html
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from nixgen.runtime.bwrap import add_own_folders, network_binds
from nixgen.runtime.namespaces import Reported
from nixgen.runtime.options import Job, Launch
from nixgen.runtime.root import DEVICES, add_devices, add_store_paths, make_place

# why: the program must not be the namespace's first process, which is deaf to signals that it
# does not handle; so the shell stays. The pid is read from the machine's own /proc.
_SCRIPT = """
set -eu
status=$1 fstab=$2 root=$3 host=$4 loopback=$5
shift 5
read -r pid rest </proc/self/stat
printf '{"child-pid": %s}\\n' "$pid" >>"$status"
exec 9>>"$status"
if [ -n "$loopback" ]; then "$loopback" -I -S -c "$1"; fi
shift
echo "$host" >/proc/sys/kernel/hostname
mount --all --fstab "$fstab" >&2
cd "$root"
mount --move . /
code=0
"$@" 9>&- || code=$?
printf '{"exit-code": %s}\\n' "$code" >&9
exit "$code"
"""

# https://man7.org/linux/man-pages/man7/netdevice.7.html (SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP)
_LOOPBACK_UP = """
import fcntl, socket, struct
with socket.socket() as s:
    flags = struct.unpack_from("16sh", fcntl.ioctl(s, 0x8913, struct.pack("16sh14x", b"lo", 0)))[1]
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))
"""


@contextlib.contextmanager
def open_unshare(job: Job) -> Iterator[Launch]:
    """The launch of a job; the workspace is made ready for it."""
    binds = add_store_paths(job.workspace, job.image)
    make_place(job.workspace, "/proc")
    add_devices(job.workspace)
    add_own_folders(job)
    fstab = job.workspace.folder / "fstab"
    fstab.write_text(format_fstab(job, binds=binds, shared=network_binds(job)))
    reported = Reported(job.workspace.status)
    yield Launch(
        argv=unshare_argv(job, fstab=fstab),
        own_session=not job.options.tty,
        signal=reported.signal,
        kill=reported.kill,
        pid=reported.init_pid,
        explain=reported.explain,
    )


def format_fstab(
    job: Job, *, binds: Sequence[tuple[Path, str]], shared: Sequence[tuple[Path, str]]
) -> str:
    """The mounts below the root, in order. https://man7.org/linux/man-pages/man5/fstab.5.html."""
    root = job.workspace.root
    read_only = "bind,ro,nodev" if job.options.read_only else "bind,rw,nodev"
    lines = [(root, root, "none", read_only)]
    lines += [(source, _at(root, path), "none", "bind,ro,nodev") for source, path in binds]
    lines.append((Path("proc"), root / "proc", "proc", "nosuid,nodev,noexec"))
    for name in DEVICES:
        lines.append((Path("/dev") / name, root / "dev" / name, "none", "bind,rw"))
    pts = "newinstance,ptmxmode=0666,mode=620,nosuid,noexec"
    lines.append((Path("devpts"), root / "dev/pts", "devpts", pts))
    memory = "mode=1777,nosuid,nodev"
    lines.append((Path("tmpfs"), root / "dev/shm", "tmpfs", memory))
    if job.has_tmp:
        lines.append((Path("tmpfs"), root / "tmp", "tmpfs", memory))
    for path in job.command.volumes:
        lines.append((_at(root, path), _at(root, path), "none", "bind,rw,nodev"))
    lines += [(source, _at(root, path), "none", "bind,ro,nodev") for source, path in shared]
    return "".join(
        f"{_escape(source)} {_escape(place)} {kind} {options} 0 0\n"
        for source, place, kind, options in lines
    )


def unshare_argv(job: Job, *, fstab: Path) -> tuple[str, ...]:
    """The argument vector: namespaces, then the script, then the image's program in its root."""
    command = job.command
    spaces = ["--mount", "--pid", "--ipc", "--uts", "--cgroup", "--propagation", "private"]
    spaces += [] if job.options.network else ["--net"]
    loopback = "" if job.options.network else sys.executable
    host = job.image.conf.repo_tag.split(":")[0].rsplit("/", 1)[-1][:63]
    return (
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *("unshare", *spaces, "--fork", "--kill-child", "--"),
        *("/bin/sh", "-c", _SCRIPT, "sh"),
        *(str(job.workspace.status), str(fstab), str(job.workspace.root), host),
        *(loopback, _LOOPBACK_UP),
        *_program_argv(job),
        *command.argv,
    )


def _program_argv(job: Job) -> tuple[str, ...]:
    """From the script to the program: privileges, environment, root, place, user."""
    command = job.command
    # why: these are for entering the root and taking on the user, and are lost with it.
    kept = "+sys_chroot" if command.uid == 0 else "+sys_chroot,+setuid,+setgid"
    user = ["--reuid=0", f"--regid={command.gid}", "--clear-groups"] if command.uid == 0 else []
    enter = [shutil.which("unshare") or "/usr/bin/unshare", "--root=.", f"--wd={command.workdir}"]
    if command.uid != 0:
        enter += [f"--setgid={command.gid}", f"--setuid={command.uid}"]
    return (
        *("setpriv", *user, "--no-new-privs", "--inh-caps=-all", f"--bounding-set=-all,{kept}"),
        *("--", "env", "-i", *(f"{name}={value}" for name, value in command.env)),
        *(*enter, "--"),
    )


def _at(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _escape(path: Path) -> str:
    text = str(path).replace("\\", "\\134")
    return text.replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")
