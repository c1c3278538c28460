import os
import stat
import zipfile
from pathlib import Path

import pytest

from nixgen.errors import MachineError
from nixgen.sources.nar import nar_digest
from nixgen.sources.wheel import unpack_wheel


def make_wheel(path: Path, entries: list[tuple[str, int, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, mode, content in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


GOOD = [
    ("zig/zig", 0o100755, b"ELF"),
    ("zig/lib/std.zig", 0o100664, b"const"),
    ("zig/__init__.py", 0o644, b""),
    ("zig-1.dist-info/RECORD", 0o644, b"x"),
    ("zigzag/file", 0o644, b"x"),
]


def test_only_the_folders_content_comes_out(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "w.whl", GOOD)
    unpack_wheel(wheel, tmp_path / "tree", folder="zig")
    found = sorted(p.relative_to(tmp_path / "tree").as_posix() for p in tmp_path.rglob("tree/**/*"))
    assert found == ["__init__.py", "lib", "lib/std.zig", "zig"]


def test_modes_follow_the_rule_whatever_the_umask(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "w.whl", GOOD)
    before = os.umask(0o077)
    try:
        unpack_wheel(wheel, tmp_path / "tree", folder="zig")
    finally:
        os.umask(before)

    def mode(path: str) -> int:
        return stat.S_IMODE((tmp_path / "tree" / path).stat().st_mode)

    modes = {path: mode(path) for path in ("", "zig", "lib", "lib/std.zig", "__init__.py")}
    assert modes == {
        "": 0o755,
        "zig": 0o755,
        "lib": 0o755,
        "lib/std.zig": 0o644,
        "__init__.py": 0o644,
    }


def test_the_order_of_the_entries_does_not_matter(tmp_path: Path) -> None:
    for name, entries in (("a", GOOD), ("b", GOOD[::-1])):
        wheel = make_wheel(tmp_path / f"{name}.whl", entries)
        unpack_wheel(wheel, tmp_path / name, folder="zig")
    assert nar_digest(tmp_path / "a") == nar_digest(tmp_path / "b")


@pytest.mark.parametrize(
    "name",
    ["zig/../../evil", "zig//etc/evil", "zig/./evil", "zig/a\\..\\evil", "zig/a/../evil"],
)
def test_a_name_that_could_leave_the_tree_is_refused(tmp_path: Path, name: str) -> None:
    wheel = make_wheel(tmp_path / "w.whl", [(name, 0o644, b"x")])
    (tmp_path / "deep").mkdir()
    with pytest.raises(MachineError, match="unsafe name"):
        unpack_wheel(wheel, tmp_path / "deep" / "tree", folder="zig")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o060644])
def test_anything_but_a_plain_file_is_refused(tmp_path: Path, mode: int) -> None:
    wheel = make_wheel(tmp_path / "w.whl", [("zig/link", mode, b"/etc/passwd")])
    with pytest.raises(MachineError, match="other than a file"):
        unpack_wheel(wheel, tmp_path / "tree", folder="zig")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "w.whl", [("zig/a", 0o644, b"1"), ("zig/a", 0o644, b"2")])
    with pytest.raises(MachineError, match="twice"):
        unpack_wheel(wheel, tmp_path / "tree", folder="zig")


def test_a_wheel_without_the_folder_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "w.whl", GOOD)
    with pytest.raises(MachineError, match="no folder 'ziglang'"):
        unpack_wheel(wheel, tmp_path / "tree", folder="ziglang")


@pytest.mark.parametrize("damage", ["not a zip", "cut", "bit"])
def test_a_damaged_wheel_is_refused(tmp_path: Path, damage: str) -> None:
    entries = [("zig/zig", 0o100755, os.urandom(5000))]
    wheel = make_wheel(tmp_path / "w.whl", entries)
    data = bytearray(wheel.read_bytes())
    data[2500] ^= 1
    wheel.write_bytes({"not a zip": b"x" * 50, "cut": data[:4000], "bit": bytes(data)}[damage])
    with pytest.raises(MachineError, match="not a readable zip"):
        unpack_wheel(wheel, tmp_path / "tree", folder="zig")
