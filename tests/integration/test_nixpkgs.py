"""The contract with nixpkgs: what nixgen generates evaluates there to what dockerTools builds."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from nixgen.errors import DescriptionError, EvaluationError
from nixgen.nixcli import Derivation, Nix, NixSettings, StorePath
from nixgen.pipeline.prepare import Request, prepare
from nixgen.pipeline.realise import evaluate
from nixgen.plan import BuildMachine, PlanOptions
from nixgen.platforms import Platform
from tests.e2e.conftest import EXAMPLES, run_cli
from tests.nix.sets import known_sets, make_set

_NATIVE = "linux/amd64"
_CROSS = "linux/arm64"


@pytest.fixture(scope="session", params=known_sets())
def package_set(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package set, for `packages.set`."""
    return make_set(request.param, tmp_path_factory.mktemp("set") / "nixpkgs")


@pytest.fixture(scope="session")
def nix() -> Nix:
    return Nix(NixSettings())


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Derivations on the way to an image, found by their names."""

    nix: Nix
    root: Derivation

    def find(self, pattern: str) -> Derivation:
        """The one derivation whose name matches, a few steps at most from the root."""
        found = self._search(re.compile(pattern), [self.root], depth=5)
        assert len(found) == 1, f"{pattern}: {[item.name for item in found]}"
        return found[0]

    def _search(
        self, pattern: re.Pattern[str], level: list[Derivation], depth: int
    ) -> list[Derivation]:
        found = [item for item in level if pattern.fullmatch(item.name)]
        if found or depth == 0:
            return found
        ours = re.compile(r".*(conf\.json|customisation-layer|fake-root-commands|entries\.sh).*")
        below = {
            path
            for item in level
            for path in item.input_derivations
            if ours.fullmatch(path.name) or pattern.fullmatch(path.derivation_name)
        }
        return self._search(
            pattern, [self.nix.show_derivation(path) for path in sorted(below)], depth - 1
        )


def _describe(folder: Path, package_set: Path, text: str, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(content)
    description = folder / "app.toml"
    description.write_text(f"[packages]\nset = {json.dumps(str(package_set))}\n{text}")
    return description


def _graph(description: Path, nix: Nix, platform: str = _NATIVE) -> Graph:
    request = Request(
        description=description,
        platforms=(Platform.parse(platform),),
        options=PlanOptions(machine=BuildMachine(system="x86_64-linux")),
        frozen=False,
    )
    evaluated = evaluate(prepare(request, nix), nix)
    (conf,) = evaluated.confs
    return Graph(nix=nix, root=nix.show_derivation(conf.drv_path))


def _example(name: str, folder: Path, package_set: Path) -> Path:
    shutil.copytree(EXAMPLES / name, folder)
    description = folder / "app.toml"
    text = description.read_text()
    description.write_text(
        text.replace("[app]", f"[packages]\nset = {json.dumps(str(package_set))}\n[app]", 1)
    )
    return description


@pytest.mark.parametrize("platform", [_NATIVE, _CROSS])
@pytest.mark.parametrize(
    "example", sorted(path.parent.name for path in EXAMPLES.glob("*/app.toml"))
)
def test_every_example_evaluates_to_dockertools_own_derivations(
    example: str, platform: str, package_set: Path, nix: Nix, tmp_path: Path
) -> None:
    description = _example(example, tmp_path / example, package_set)
    graph = _graph(description, nix, platform)
    name = re.search(r'^name = "(.*)"', description.read_text(), re.MULTILINE)
    assert name is not None
    assert graph.root.name in (f"stream-{name[1]}", f"{name[1]}-conf.json")
    conf = graph.find(rf"{name[1]}-conf\.json")
    layer = graph.find(rf"{name[1]}-customisation-layer")
    assert layer.path in conf.input_derivations
    assert conf.system == "x86_64-linux"


_OWNERS = """
[app]
name = "own"
version = "1"
[image]
ca-certificates = false
contents = ["busybox", "zlib"]
entrypoint = ["busybox", "it's", "$HOME `id` \\"q\\""]
env = { WEIRD = "a b'c$d\\\\e" }
files = [{ path = "/etc/it's $x", text = "t", mode = "0640", uid = 7, gid = 8 }]
directories = [{ path = "/var/spool", mode = "2775", uid = 5, gid = 6 }]
symlinks = [{ path = "/etc/alias", target = "some where" }]
"""


def test_the_conf_carries_the_configuration_and_the_layer_the_entries(
    package_set: Path, nix: Nix, tmp_path: Path
) -> None:
    graph = _graph(_describe(tmp_path, package_set, _OWNERS), nix)
    base = json.loads(graph.find(r"own-base\.json").env["text"])
    assert base["architecture"] == "amd64"
    assert base["config"]["Entrypoint"] == ["busybox", "it's", '$HOME `id` "q"']
    assert "WEIRD=a b'c$d\\e" in base["config"]["Env"]
    assert base["config"]["User"] == "65532:65532"

    script = graph.find(r"own-entries\.sh").env["text"]
    assert r"nixgenFile '/etc/it'\''s $x' 0640 7:8 /nix/store/" in script
    assert "nixgenDirectory /var/spool 2775 5:6" in script
    assert "nixgenDirectory /tmp 1777 0:0" in script
    assert "nixgenSymlink /etc/alias 0:0 'some where'" in script
    layer = graph.find("own-customisation-layer")
    assert Graph(nix=nix, root=layer).find(r"own-entries\.sh").env["text"] == script


def test_contents_are_checked_for_collisions_before_the_layer_is_made(
    package_set: Path, nix: Nix, tmp_path: Path
) -> None:
    graph = _graph(_describe(tmp_path, package_set, _OWNERS), nix)
    check = graph.find("own-contents")
    assert check.path in graph.find(r"own-entries\.sh").input_derivations
    inputs = {path.derivation_name for path in check.input_derivations}
    for package in ("busybox", "zlib"):
        assert any(name.startswith(f"{package}-") for name in inputs), inputs


def test_names_with_dots_lead_into_the_set(package_set: Path, nix: Nix, tmp_path: Path) -> None:
    text = '[app]\nname = "dots"\n[image]\ncontents = ["pkgsCross.gnu64.zlib"]\n'
    layer = _graph(_describe(tmp_path, package_set, text), nix).find("dots-customisation-layer")
    assert any("zlib" in path.name for path in layer.input_derivations)


_UNKNOWN = """
[app]
name = "unknown"
[image]
contents = ["zlbi", "pkgsCros.gnu64.zlib", "pkgsCross.gnu64.zlibb", "lib", "busybox"]
"""


def test_packages_that_the_set_lacks_are_all_named_with_a_guess(
    package_set: Path, nix: Nix, tmp_path: Path
) -> None:
    description = _describe(tmp_path, package_set, _UNKNOWN)
    with pytest.raises(DescriptionError) as caught:
        _graph(description, nix)
    found = {problem.key: (problem.message, problem.hint) for problem in caught.value.problems}
    assert set(found) == {f"image.contents[{index}]" for index in range(4)}
    assert found["image.contents[0]"][1] == "did you mean 'zlib'?"
    assert found["image.contents[1]"][1] == "did you mean 'pkgsCross.gnu64.zlib'?"
    assert found["image.contents[2]"][1] == "did you mean 'pkgsCross.gnu64.zlib'?"
    assert (
        found["image.contents[3]"][0] == "'lib' of the package set is not a package for linux/amd64"
    )
    outcome = run_cli("image", description, "--dry-run")
    assert outcome.exit_code == 2
    assert "did you mean 'zlib'?" in outcome.stderr


_KINDS = {
    "c": ('kind = "c"\nlibs = ["zlib"]', r"kinds-1\.0"),
    "files": ('kind = "files"\ndest = "/srv"\ninclude = ["*.c"]', r"kinds-1\.0"),
    "nix": ('kind = "nix"\nfile = "app.nix"\nargs = { greeting = "hi" }', "made-by-nix"),
}
_APP_NIX = """
{ pkgs, lib, stdenv, runCommand, source, name, version, zlib, greeting }:
runCommand "made-by-nix" { inherit zlib greeting version; } "cp -r ${source} $out"
"""


@pytest.mark.parametrize("kind", sorted(_KINDS))
@pytest.mark.parametrize("platform", [_NATIVE, _CROSS])
def test_every_kind_of_build_evaluates(
    kind: str, platform: str, package_set: Path, nix: Nix, tmp_path: Path
) -> None:
    build, pattern = _KINDS[kind]
    description = _describe(
        tmp_path,
        package_set,
        f'[app]\nname = "kinds"\nversion = "1.0"\n[build]\n{build}\n',
        main__c="int main(void) { return 0; }",
        app__nix=_APP_NIX,
    )
    layer = _graph(description, nix, platform).find("kinds-customisation-layer")
    names = [
        re.sub("-aarch64-unknown-linux-[a-z]+", "", p.derivation_name)
        for p in layer.input_derivations
    ]
    assert any(re.fullmatch(pattern, name) for name in names), names


@pytest.mark.parametrize("system", ["direct", "make"])
def test_a_c_program_is_stripped_of_its_symbols_by_its_build(
    system: str, package_set: Path, nix: Nix, tmp_path: Path
) -> None:
    description = _describe(
        tmp_path,
        package_set,
        f'[app]\nname = "c"\nversion = "1.0"\n[build]\nkind = "c"\nsystem = "{system}"\n',
        main__c="int main(void) { return 0; }",
        Makefile="install:\n\tcp main.c $(PREFIX)\n",
    )
    app = Graph(nix=nix, root=_graph(description, nix).find("c-customisation-layer"))
    env = app.find(r"c-1\.0").env
    assert env["stripAllList"] == "bin libexec sbin"
    assert not env.get("dontStrip")


def test_a_platform_that_the_set_has_no_packages_for_is_said_so(nix: Nix, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    (few / "default.nix").write_text("{ ... }: { pkgsCross = { }; }")
    description = _describe(tmp_path / "app", few, '[app]\nname = "few"\n')
    with pytest.raises(EvaluationError, match=r"aarch64-multiplatform"):
        _graph(description, nix, _CROSS)


def test_a_package_set_is_pinned_by_its_content(
    package_set: Path, nix: Nix, tmp_path: Path
) -> None:
    first = _graph(_describe(tmp_path / "a", package_set, _OWNERS), nix).root.path
    copy = tmp_path / "moved" / "set"
    shutil.copytree(package_set, copy, symlinks=True)
    second = _graph(_describe(tmp_path / "b", copy, _OWNERS), nix).root.path
    assert first == second
    assert isinstance(first, StorePath)
