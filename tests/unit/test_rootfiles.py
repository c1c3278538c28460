"""Paths of an image, resolved as inside it."""

from __future__ import annotations

import json

import pytest

from nixgen.rootfiles import RootFiles, RootFolder

DEBIAN = RootFiles(
    folders={
        path: RootFolder()
        for path in ("/", "/usr", "/usr/bin", "/usr/lib", "/run", "/var", "/opt/x")
    }
    | {"/root": RootFolder(mode=0o700)},
    links={
        "/bin": "usr/bin",
        "/lib": "/usr/lib",
        "/usr/lib/x": "../../opt/x",
        "/var/run": "/run",
        "/usr/bin/sh": "dash",
        "/share": "/nix/store/x/share",
        "/loop": "loop",
        "/up": "../../../../etc",
    },
    programs=frozenset({"/usr/bin/dash"}),
    texts={"/etc/passwd": "root:x:0:0::/root:/bin/sh\n"},
)


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("/", "/"),
        ("/bin", "/usr/bin"),
        ("/bin/sh", "/usr/bin/dash"),
        ("/lib/x/y", "/opt/x/y"),
        ("/var/run/app.pid", "/run/app.pid"),
        ("/not/there", "/not/there"),
        ("/bin/../lib", "/usr/lib"),
        ("/loop/a", "/loop/a"),
        ("/up/passwd", "/etc/passwd"),
        ("/../..", "/"),
    ],
)
def test_paths_are_resolved_inside_the_root(path: str, resolved: str) -> None:
    assert DEBIAN.resolve(path) == resolved


def test_an_entry_keeps_its_own_name() -> None:
    assert DEBIAN.place("/bin/sh") == "/usr/bin/sh"
    assert DEBIAN.place("/bin") == "/bin"


def test_folders_programs_and_texts_are_found_through_links() -> None:
    assert DEBIAN.folder("/var/run") == RootFolder()
    assert DEBIAN.folder("/root") == RootFolder(mode=0o700)
    assert DEBIAN.folder("/usr/bin/sh") is None
    assert DEBIAN.is_program("/bin/sh")
    assert not DEBIAN.is_program("/bin/bash")
    assert DEBIAN.text("/up/passwd") == DEBIAN.texts["/etc/passwd"]


def test_links_to_folders_are_told_without_those_into_the_store() -> None:
    files = RootFiles(
        folders={**DEBIAN.folders, "/nix/store/x/share": RootFolder()},
        links={**DEBIAN.links, "/nix/store/x/lib": "/usr/lib"},
    )
    assert files.folder_links(besides="/nix/store") == (
        ("/bin", "/usr/bin"),
        ("/lib", "/usr/lib"),
        ("/usr/lib/x", "/opt/x"),
        ("/var/run", "/run"),
    )


def test_what_is_written_is_read_back() -> None:
    assert RootFiles.of_json(json.loads(json.dumps(DEBIAN.as_json()))) == DEBIAN
