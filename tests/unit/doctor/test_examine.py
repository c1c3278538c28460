"""Each fault of a machine is found, and comes with the command that mends it."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nixgen._process import Completed
from nixgen.doctor import Finding, Machine, examine
from nixgen.errors import MachineError
from nixgen.nixcli import Host, Nix, NixSettings
from nixgen.runtime import RunnerInfo
from tests.fakes.nix import error_line, internal, single_user_host

HASH = "0123456789abcdfghijklmnpqrsvwxyz"
FILE = f"/nix/store/{HASH}-nixgen-doctor"
DRV = f"/nix/store/{HASH}-nixgen-sandbox-probe.drv"
OUT = f"/nix/store/{HASH}-nixgen-sandbox-probe"
GB = 1_000_000_000


class Simulated:
    """A Nix that answers by what it is asked for; `probe` are the lines of the test build."""

    def __init__(self, *, version: str = "2.8.0", probe: list[str] | None = None) -> None:
        self.version = version
        self.fails: dict[str, list[str]] = {}
        self.trusted: bool | None = None
        self.config: dict[str, Any] = {"builders": "", "extra-platforms": ["i686-linux"]}
        if probe is not None:
            self.fails["--realise"] = probe

    def __call__(
        self,
        argv: Any,
        *,
        on_stderr_line: Callable[[str], None] | None = None,
        **_other: Any,
    ) -> Completed:
        if argv[1:] == ["--version"] and not self.version:
            raise MachineError("the program 'nix' was not found")
        for word, lines in self.fails.items():
            if word in argv:
                for line in lines if on_stderr_line is not None else ():
                    on_stderr_line(line)
                return Completed(argv=tuple(argv), exit_code=1, stdout=b"", stderr="")
        return Completed(argv=tuple(argv), exit_code=0, stdout=self.answer(argv), stderr="")

    def answer(self, argv: list[str]) -> bytes:
        if "--version" in argv:
            return f"nix (Nix) {self.version}".encode()
        if "add-path" in argv or "--add-fixed" in argv:
            return FILE.encode()
        if "path-info" in argv:
            info = {"narHash": "sha256-" + "A" * 43 + "=", "narSize": 1, "references": []}
            return json.dumps([{"path": FILE, **info}]).encode()
        if "eval" in argv:
            target = [{"drv": DRV, "default": "out", "outputs": {"out": OUT}}]
            answer = {"targets": target, "values": []}
            return b"2" if "1 + 1" in argv else json.dumps(answer).encode()
        if "--realise" in argv:
            return OUT.encode()
        if "show-config" in argv or "config" in argv:
            asked = "substituters" not in argv
            caches = ["https://cache.example.org/"] if asked else []
            values = {"substituters": caches, **self.config}
            return json.dumps({name: {"value": value} for name, value in values.items()}).encode()
        if "ping" in argv:
            return b""
        if "info" in argv:
            return json.dumps({"trusted": self.trusted}).encode()
        raise AssertionError(argv)


def build_start() -> str:
    return internal(action="start", id=5, type=105, fields=[DRV, "", 1, 1], text="building")


def absent_builder() -> list[str]:
    line = f"executing '{os.path.realpath(sys.executable)}': No such file or directory"
    return [
        build_start(),
        internal(action="result", id=5, type=101, fields=[line]),
        error_line(f"builder for '{DRV}' failed with exit code 1"),
    ]


AARCH64 = """enabled
interpreter /usr/bin/qemu-aarch64
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff"""


def machine(folder: Path, **more: Any) -> Machine:
    root = folder / "root"
    for name, text in {
        "proc/sys/user/max_user_namespaces": "15000",
        "proc/sys/fs/binfmt_misc/qemu-aarch64": AARCH64.format(flags="F"),
        "proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    8000000 kB\n",
    }.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    facts: dict[str, Any] = {
        "root": root,
        "is_root": False,
        "architecture": "x86_64",
        "cores": 2,
        "temp": folder,
        "free_bytes": lambda _path: 50 * GB,
        "runners": lambda: [RunnerInfo(name="bwrap", usable=True)],
        "starts": lambda _program: True,
    }
    return Machine(**{**facts, **more})


def findings(
    folder: Path,
    simulated: Simulated | None = None,
    *,
    host: Host | None = None,
    settings: NixSettings | None = None,
    this: Machine | None = None,
) -> dict[str, Finding]:
    nix = Nix(
        settings,
        runner=simulated or Simulated(probe=absent_builder()),
        environ={},
        host=host or single_user_host(folder),
    )
    found = examine(
        nix, folders={"state-folder": folder / "state"}, machine=this or machine(folder)
    )
    assert len({finding.name for finding in found}) == len(found)
    return {finding.name: finding for finding in found}


def test_a_sound_machine_has_nothing_to_mend(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert {name: finding.status for name, finding in found.items()} == dict.fromkeys(found, "ok")
    assert list(found) == [
        "nix",
        "store",
        "store-writable",
        "features",
        "rights",
        "sandbox",
        "substituters",
        "user-namespaces",
        "disk-store",
        "disk-temp",
        "power",
        "runners",
        "state-folder",
        "arm64",
        "emulation",
        "builders",
    ]
    assert "https://cache.example.org/" in found["substituters"].detail


@pytest.mark.parametrize("version", ["", "2.3.16"])
def test_a_missing_or_old_nix_ends_the_questions_about_it(tmp_path: Path, version: str) -> None:
    found = findings(tmp_path, Simulated(version=version))
    assert found["nix"].status == "fail"
    assert "apt-get install nix-bin" in str(found["nix"].hint)
    assert "store" not in found
    assert "runners" in found


def test_a_store_that_is_not_writable_is_named(tmp_path: Path) -> None:
    simulated = Simulated()
    text = "opening lock file '/nix/var/nix/db/big-lock': Permission denied"
    simulated.fails["add-path"] = simulated.fails["--add-fixed"] = [error_line(text)]
    found = findings(tmp_path, simulated)
    assert found["store-writable"].status == "fail"
    assert "sandbox" not in found


def test_a_socket_that_is_closed_to_this_user_names_the_group(tmp_path: Path) -> None:
    sockets = tmp_path / "sockets"
    sockets.mkdir()

    class Closed(type(sockets)):  # type: ignore[misc]
        def exists(self, **_options: Any) -> bool:
            raise PermissionError(13, "Permission denied")

    host = Host(
        state_dir=tmp_path / "none",
        socket=Closed(sockets / "socket"),
        is_root=False,
        group_members=lambda _name: [],
    )
    found = findings(tmp_path, host=host)
    assert found["store"].status == "fail"
    assert "nix-users" in str(found["store"].hint)


def test_root_without_build_users_is_warned(tmp_path: Path) -> None:
    host = Host(
        state_dir=tmp_path, socket=tmp_path / "s", is_root=True, group_members=lambda _name: []
    )
    assert findings(tmp_path, host=host)["rights"].status == "warn"


@pytest.mark.parametrize(
    ("trusted", "words"), [(True, "trusted by"), (False, "not trusted by"), (None, "in use of")]
)
def test_a_daemons_trust_is_told(tmp_path: Path, trusted: bool | None, words: str) -> None:
    simulated = Simulated(version="2.26.3", probe=absent_builder())
    simulated.trusted = trusted
    found = findings(tmp_path, simulated, settings=NixSettings(store="daemon"))
    assert found["rights"].detail.startswith(words)


@pytest.mark.parametrize(
    "lines",
    [
        None,
        [build_start(), error_line(f"builder for '{DRV}' failed with exit code 1")],
        [
            build_start(),
            internal(action="result", id=5, type=101, fields=["/x: Permission denied"]),
            error_line(f"builder for '{DRV}' failed with exit code 1"),
        ],
    ],
)
def test_a_build_that_sees_the_host_means_no_sandbox(
    tmp_path: Path, lines: list[str] | None
) -> None:
    finding = findings(tmp_path, Simulated(probe=lines))["sandbox"]
    assert finding.status == "fail"
    assert "sandbox = true" in str(finding.hint)


def test_a_sandbox_that_can_not_be_made_names_the_namespaces(tmp_path: Path) -> None:
    lines = [error_line("cloning builder process: Operation not permitted")]
    finding = findings(tmp_path, Simulated(probe=lines))["sandbox"]
    assert finding.status == "fail"
    assert "userns" in str(finding.hint)


@pytest.mark.parametrize(
    ("file", "text", "is_root", "status"),
    [
        ("proc/sys/user/max_user_namespaces", "0", True, "fail"),
        ("proc/sys/kernel/unprivileged_userns_clone", "0", False, "warn"),
        ("proc/sys/kernel/unprivileged_userns_clone", "0", True, "ok"),
        ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", False, "warn"),
        ("proc/sys/kernel/unprivileged_userns_clone", "1", False, "ok"),
    ],
)
def test_user_namespaces(tmp_path: Path, file: str, text: str, is_root: bool, status: str) -> None:
    this = machine(tmp_path, is_root=is_root)
    (this.root / file).parent.mkdir(parents=True, exist_ok=True)
    (this.root / file).write_text(text + "\n")
    assert findings(tmp_path, this=this)["user-namespaces"].status == status


@pytest.mark.parametrize(
    ("free", "store", "temp"),
    [(500_000_000, "fail", "fail"), (3 * GB, "warn", "warn"), (9 * GB, "warn", "ok")],
)
def test_disk_space(tmp_path: Path, free: int, store: str, temp: str) -> None:
    found = findings(tmp_path, this=machine(tmp_path, free_bytes=lambda _path: free))
    assert (found["disk-store"].status, found["disk-temp"].status) == (store, temp)
    assert "nixgen gc" in str(found["disk-store"].hint)


def test_little_memory_is_warned_of(tmp_path: Path) -> None:
    this = machine(tmp_path)
    (this.root / "proc/meminfo").write_text("MemAvailable: 900000 kB\n")
    assert findings(tmp_path, this=this)["power"].status == "warn"


def test_runners_are_named_with_why_others_do_not_serve(tmp_path: Path) -> None:
    old = RunnerInfo(name="podman", usable=False, why_not="podman 3.0 is too old")
    none = RunnerInfo(name="unshare", usable=False, why_not="it needs root")
    this = machine(tmp_path, runners=lambda: [old, RunnerInfo(name="bwrap", usable=True), none])
    found = findings(tmp_path, this=this)["runners"]
    assert (found.status, found.detail) == (
        "ok",
        "bwrap; podman: podman 3.0 is too old; unshare: it needs root",
    )
    found = findings(tmp_path, this=machine(tmp_path, runners=lambda: [old, none]))["runners"]
    assert found.status == "warn"
    assert "too old; unshare: it needs root" in found.detail
    assert "bubblewrap" in str(found.hint)


def test_a_folder_that_can_not_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    finding = findings(tmp_path)["state-folder"]
    assert finding.status == "fail"
    assert str(tmp_path / "state") in finding.detail


def test_a_finding_as_json_has_every_key() -> None:
    finding = Finding(name="nix", status="ok", detail="Nix 2.8.0")
    assert finding.as_json() == {"name": "nix", "status": "ok", "detail": "Nix 2.8.0", "hint": None}
