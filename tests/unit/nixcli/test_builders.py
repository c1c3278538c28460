"""Remote builders and further systems, read from Nix's settings as Nix reads them."""

from __future__ import annotations

import pytest

from nixgen.nixcli import RemoteBuilder, build_systems, parse_builders

OWN = "x86_64-linux"
FILES = {
    "/etc/nix/machines": "# the farm\n\nssh://arm.example.org aarch64-linux,armv7l-linux - 4\n",
    "/loop": "ssh://a - \n@/loop\n",
    "/outer": "@/etc/nix/machines ; ssh-ng://b.example.org riscv64-linux",
}


def read(path: str) -> str:
    return FILES.get(path, "")


def builder(store: str, *systems: str) -> RemoteBuilder:
    return RemoteBuilder(store=store, systems=systems)


ARM = builder("ssh://arm.example.org", "aarch64-linux", "armv7l-linux")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("", []),
        ("@/etc/nix/machines", [ARM]),
        ("@/not/there", []),
        ("@ /etc/nix/machines\n", [ARM]),
        ("ssh://x", [builder("ssh://x", OWN)]),
        ("me@x - ; daemon ; /other/root", [
            builder("ssh://me@x", OWN), builder("daemon", OWN), builder("/other/root", OWN),
        ]),
        ("ssh://x -; ssh://y aarch64-linux - 1 1 kvm", [
            builder("ssh://x", OWN), builder("ssh://y", "aarch64-linux"),
        ]),
        ("ssh://x aarch64-linux # an old one\n# ssh://y aarch64-linux", [
            builder("ssh://x", "aarch64-linux"),
        ]),
        ("@/outer", [ARM, builder("ssh-ng://b.example.org", "riscv64-linux")]),
        ("@/loop", [builder("ssh://a", OWN)]),
    ],
)  # fmt: skip
def test_builders_are_found_in_their_order(setting: str, expected: list[RemoteBuilder]) -> None:
    assert list(parse_builders(setting, own_system=OWN, read=read)) == expected


@pytest.mark.parametrize("value", [["i686-linux", "aarch64-linux"], "i686-linux aarch64-linux"])
def test_further_systems_are_read_from_either_form_of_the_setting(value: object) -> None:
    found = build_systems({"extra-platforms": value, "builders": "ssh://x -"}, own_system=OWN)
    assert found.further == ("aarch64-linux", "i686-linux")
    assert found.builders == (builder("ssh://x", OWN),)


def test_settings_that_are_not_there_name_nothing() -> None:
    found = build_systems({}, own_system=OWN)
    assert (found.further, found.builders) == ((), ())
