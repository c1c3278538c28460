"""Images built on a set with nixpkgs' shape: owners and modes made by fakeRootCommands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import EXAMPLES, run_cli
from tests.nix.projects import build_image, read_layers, write_project
from tests.nix.sets import make_set
from tests.unit.oci.bases import HandMade


@pytest.fixture(scope="module", params=["stand-in", "stand-in-newer"])
def package_set(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(request.param, tmp_path_factory.mktemp("set") / "nixpkgs")


def _head(package_set: Path) -> str:
    return (
        f'[packages]\nset = {json.dumps(str(package_set))}\n[app]\nname = "own"\nversion = "1.0"\n'
    )


_IMAGE = '[image]\nca-certificates = false\ncompression = "none"\n'


def test_an_image_has_the_same_root_as_on_the_bundled_set(
    package_set: Path, tmp_path: Path
) -> None:
    image = (
        _IMAGE
        + """
contents = ["lua"]
entrypoint = ["lua"]
user = "teller"
files = [
  { path = "/etc/it's $x", text = "text\\n", mode = "0640", uid = 7, gid = 8 },
  { path = "/libexec/tool", source = "tool", mode = "4755" },
]
directories = [{ path = "/var/spool", mode = "2775", uid = 5, gid = 6 }]
symlinks = [{ path = "/etc/alias", target = "it's $x" }]
volumes = ["/data"]
"""
    )
    app = '[app]\nname = "own"\nversion = "1.0"\n'
    roots = []
    for name, head in (("bundled", app), ("path", _head(package_set))):
        project = write_project(tmp_path / name, head + image, tool="tool")
        members = read_layers(project, build_image(project))
        roots.append(
            {
                path: (member.mode, member.uid, member.gid, member.link, member.content)
                for path, member in members.items()
                if not path.startswith("/nix/store/") and path.split("/")[1] not in ("bin", "share")
            }
        )
    bundled, own = roots
    assert own["/etc/it's $x"] == (0o640, 7, 8, "", b"text\n")
    assert own["/libexec/tool"] == (0o4755, 0, 0, "", b"tool")
    assert own["/var/spool"][:3] == (0o2775, 5, 6)
    assert own["/tmp"][:3] == (0o1777, 0, 0)
    assert own["/data"][1:3] == (65532, 65532)
    for path in sorted(bundled.keys() & own.keys() - {"/"}):
        assert own[path] == bundled[path], path
    # Folders of packages are links on one set and folders of links on the other; what the
    # description made is the same.
    assert {path for path in bundled if path.startswith(("/etc", "/var", "/tmp"))} == {
        path for path in own if path.startswith(("/etc", "/var", "/tmp"))
    }


def test_an_example_builds_twice_to_the_same_digest(package_set: Path, tmp_path: Path) -> None:
    digests = []
    for place in ("one", "another place"):
        project = tmp_path / place
        shutil.copytree(EXAMPLES / "sqlite-lua", project)
        description = project / "app.toml"
        head = f"[packages]\nset = {json.dumps(str(package_set))}\n[app]"
        description.write_text(description.read_text().replace("[app]", head, 1))
        outcome = run_cli("image", project, "-o", tmp_path / f"{place}.oci", "--json")
        assert outcome.exit_code == 0, outcome.stderr + outcome.stdout
        digests.append(outcome.document["digest"])
    assert digests[0] == digests[1]


def test_two_contents_that_provide_a_path_are_both_named(package_set: Path, tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _head(package_set)
        + '[build]\nkind = "files"\nsrc = "root"\ndest = "/bin"\n'
        + _IMAGE
        + 'contents = ["busybox"]\n',
        root___busybox="mine",
    )
    outcome = build_image(project)
    assert outcome.exit_code == 4
    message = outcome.document["error"]["message"]
    assert "/bin/busybox is provided by both" in message
    assert "-busybox-1" in message
    assert "-own-1.0" in message


def test_an_entry_over_a_package_is_refused_naming_it(package_set: Path, tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _head(package_set)
        + _IMAGE
        + 'contents = ["busybox"]\nfiles = [{ path = "/bin/busybox", text = "mine" }]\n',
    )
    outcome = build_image(project)
    assert outcome.exit_code == 4
    message = outcome.document["error"]["message"]
    assert "/bin/busybox is provided by both /nix/store/" in message
    assert "-busybox-1" in message
    assert "the description" in message


def test_the_layers_of_the_sets_own_dockertools_are_kept_and_told(
    package_set: Path, tmp_path: Path
) -> None:
    image = _IMAGE + 'contents = ["lua"]\nentrypoint = ["lua"]\nlayers = { strategy = "auto" }\n'
    project = write_project(tmp_path / "own", _head(package_set) + image)
    outcome = run_cli("layers", project, "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    (told,) = outcome.document["platforms"]
    assert told["strategy"] == "package-set"
    (layer,) = told["store_layers"]
    assert any("-lua-" in path for path in layer["store_paths"])
    assert layer["why"] == "the package set's own dockerTools decides"


@pytest.mark.parametrize(
    ("strategy", "most", "layers"),
    [("single", 100, 1), ("popularity", 100, 3), ("popularity", 3, 2), ("popularity", 2, 1)],
)
def test_a_strategy_that_is_asked_for_is_asked_of_the_sets_dockertools(
    package_set: Path, tmp_path: Path, strategy: str, most: int, layers: int
) -> None:
    wanted = f'layers = {{ strategy = "{strategy}", max = {most} }}\n'
    image = _IMAGE + 'contents = ["lua", "zlib", "busybox"]\n' + wanted
    project = write_project(tmp_path / "own", _head(package_set) + image)
    outcome = run_cli("layers", project, "--json", "-q")
    assert outcome.exit_code == 0, outcome.stderr
    (told,) = outcome.document["platforms"]
    assert told["strategy"] == strategy
    assert len(told["store_layers"]) == layers


def test_packages_go_where_the_links_of_a_base_lead(package_set: Path, tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        _head(package_set)
        + _IMAGE
        + 'from = "./base.oci"\ncontents = ["lua"]\nentrypoint = ["lua"]\n'
        + 'files = [{ path = "/bin/own", text = "own" }]\n',
    )
    HandMade().write_layout(project / "base.oci")
    members = read_layers(project, build_image(project))
    assert members["/bin"].link == "usr/bin"
    assert members["/usr/bin/lua"].link.startswith("/nix/store/")
    assert members["/usr/bin/own"].content == b"own"
    assert members["/usr/bin/sh"].content == b"#!"
    assert not [path for path in members if path.startswith("/bin/")]
