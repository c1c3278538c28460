"""The gateway with the machine's real Nix: shapes, errors, other roots, and being interrupted."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import EvaluationError, HashMismatchError, MachineError
from nixgen.nixcli import (
    DerivationFailedError,
    Nix,
    NixSettings,
    Sandbox,
    StorePath,
    ThrownError,
    fixed_output_path,
    probe_sandbox,
)
from nixgen.nixexpr import format_value
from nixgen.progress import DerivationFinished, DerivationsPlanned, DerivationStarted, LogLine
from tests.fakes.builds import add_program, derivation
from tests.fakes.nix import Recorder
from tests.fakes.world import make_account, run_as, run_in_world, world_folder


@pytest.fixture
def root() -> Iterator[Path]:
    """The root of a store of the test's own, where newer Nix builds too: not below /tmp."""
    cache = Path.home() / ".cache"
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="nixgen-test-") as folder:
        root = Path(folder) / "root"
        yield root
        for inner, _, _ in os.walk(root):
            Path(inner).chmod(0o755)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def nix(root: Path, recorder: Recorder) -> Nix:
    return Nix(NixSettings(store=str(root), max_jobs=1, cores=2), reporter=recorder)


def test_a_build_reports_its_progress_and_is_found_in_its_root(
    nix: Nix, root: Path, recorder: Recorder, tmp_path: Path
) -> None:
    program = add_program(nix, tmp_path, "one\ntwo\n", "make-directory")
    expression = f"{{ a = {derivation('a', program)}; }}"
    [target] = nix.instantiate(expression, ["a"])
    assert nix.plan_build([target]).to_build == (target.drv_path,)
    link = tmp_path / "result"
    nix.realise([target], out_link=link)
    assert recorder.events == [
        DerivationsPlanned(count=1),
        DerivationStarted(name="a"),
        LogLine(name="a", text="one"),
        LogLine(name="a", text="two"),
        DerivationFinished(name="a"),
    ]
    assert nix.physical_path(target.path) == root / str(target.path)[1:]
    assert nix.physical_path(target.path).is_dir()
    assert str(link.readlink()) == str(target.path)
    assert nix.plan_build([target]).to_build == ()
    assert nix.log(target.path) == "one\ntwo\n"


def test_a_failed_build_shows_its_log_and_keeps_it(nix: Nix, tmp_path: Path) -> None:
    lines = "".join(f"line {number}\n" for number in range(30))
    program = add_program(nix, tmp_path, lines, 7)
    inner = derivation("inner", program)
    with pytest.raises(DerivationFailedError) as caught:
        nix.build(derivation("outer", program, needs=f"({inner})"), [""])
    assert caught.value.derivation.derivation_name == "inner"
    assert caught.value.reason == "exit code 7"
    assert caught.value.log_tail == tuple(f"line {number}" for number in range(10, 30))
    assert nix.log(caught.value.derivation) == lines


def test_a_tree_has_the_path_and_hash_that_its_content_gives(nix: Nix, tmp_path: Path) -> None:
    tree = tmp_path / "source"
    tree.mkdir()
    (tree / "file").write_text("x")
    (tree / "link").symlink_to("nowhere")
    streamed, named = nix.add_tree(tree), nix.add_tree(tree, "other")
    assert streamed.nar_hash == named.nar_hash
    for added, name in ((streamed, "source"), (named, "other")):
        assert added.store_path == fixed_output_path(name, added.nar_hash, recursive=True)
    assert nix.add_recursive(tree, "source", streamed.nar_hash) == streamed.store_path
    with pytest.raises(HashMismatchError, match="expected"):
        nix.add_recursive(tree, "source", Digest.of_bytes(b""))


@pytest.mark.parametrize("name", ["file", "other-name"])
def test_a_file_is_what_a_fixed_output_derivation_would_fetch(
    nix: Nix, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("content")
    digest = Digest.of_bytes(b"content")
    path = nix.add_flat_file(tmp_path / "file", name, digest)
    fetch = derivation(
        name,
        '"builtin:fetchurl"',
        url='"http://nowhere.invalid/x"',
        outputHashMode='"flat"',
        outputHashAlgo='"sha256"',
        outputHash=format_value(digest.hex),
    )
    [target] = nix.build(fetch, [""])
    assert target.path == path


def test_a_wrong_hash_in_a_build_names_both(nix: Nix, tmp_path: Path) -> None:
    program = add_program(nix, tmp_path, "", "make-directory")
    wrong = derivation(
        "wrong",
        program,
        outputHashMode='"recursive"',
        outputHashAlgo='"sha256"',
        outputHash=format_value("0" * 64),
    )
    with pytest.raises(HashMismatchError) as caught:
        nix.build(wrong, [""])
    assert caught.value.message.startswith("wrong does not have the hash it is pinned by")
    assert Digest("0" * 64).sri in caught.value.message


def test_what_the_store_knows_of_paths(nix: Nix, tmp_path: Path) -> None:
    program = add_program(nix, tmp_path, "", "make-directory")
    [target] = nix.build(derivation("a", program, b=derivation("b", program)), [""])
    absent = StorePath("0" * 32, "absent")
    assert nix.is_valid([target.path, absent]) == {target.path}
    [info] = nix.closure(target.path)
    assert (info.path, info.references, info.deriver) == (target.path, (), target.drv_path)
    shown = nix.show_derivation(target.drv_path)
    assert shown.outputs == {"out": target.path}
    assert [path.derivation_name for path in shown.input_derivations] == ["b"]
    assert shown.env["out"] == str(target.path)
    with pytest.raises(MachineError, match="not in the store"):
        nix.path_info([absent])
    assert nix.log(target.path) is not None


def test_roots_keep_paths_and_the_rest_is_freed(nix: Nix, tmp_path: Path) -> None:
    program = add_program(nix, tmp_path, "", "make-directory")
    link = tmp_path / "kept"
    [target] = nix.build(f"{{ a = {derivation('a', program)}; }}", ["a"], out_link=link)
    kept = target.path
    (tmp_path / "source").write_text("freed" * 1000)
    freed = nix.add_tree(tmp_path / "source").store_path
    assert nix.gc().paths >= 1
    assert nix.is_valid([kept, freed]) == {kept}
    nix.delete_roots([link, tmp_path / "never"])
    nix.gc()
    assert nix.is_valid([kept, freed]) == set()


def test_every_output_and_the_order_asked_for_are_known(nix: Nix) -> None:
    one = derivation("one", '"/none"')
    two = derivation("two", '"/none"', outputs='[ "out" "dev" ]')
    targets = nix.instantiate(f"{{ z = {two}; a.b = {one}; }}", ["z", "a.b", "z.dev"])
    assert [target.path.name for target in targets] == ["two", "one", "two-dev"]
    assert sorted(targets[0].outputs) == ["dev", "out"]


# Evaluation


def test_nothing_of_the_machine_gets_into_an_evaluation(
    nix: Nix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIX_PATH", "here=/etc")
    for impure in ("<here>", "builtins.readFile /etc/passwd"):
        with pytest.raises(EvaluationError):
            nix.eval_json(impure)
    assert nix.eval_json('[ (builtins.getEnv "HOME") (builtins ? currentTime) ]') == ["", False]


def test_a_mistake_in_the_users_file_is_shown_in_the_users_file(nix: Nix, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.nix").write_text("{ x }:\n  x +\n    1\n")
    (project / "broken.nix").write_text("{\n  a = ;\n}\n")
    added = nix.add_tree(project)
    tree = format_value(
        {"type": "path", "path": str(added.store_path), "narHash": added.nar_hash.sri}
    )
    names = {added.store_path: "."}
    with pytest.raises(EvaluationError) as caught:
        nix.eval_json(
            f'import (builtins.fetchTree {tree} + "/app.nix") {{ x = "s"; }}', names=names
        )
    assert caught.value.message.startswith("./app.nix:")
    assert "/nix/store" not in str(caught.value)
    with pytest.raises(EvaluationError) as caught:
        nix.eval_json(f'import (builtins.fetchTree {tree} + "/broken.nix")', names=names)
    assert caught.value.message.startswith("./broken.nix:2:7: syntax error")


def test_what_our_library_throws_arrives_as_data(nix: Nix) -> None:
    details = {"kind": "unknown", "names": ["a\nb", 'q"${x}', "é\\"]}
    thrown = f'throw "nixgen-error:${{builtins.toJSON {format_value(details)}}}"'
    with pytest.raises(ThrownError) as caught:
        nix.eval_json(f'builtins.addErrorContext "noise {{" ({thrown})')
    assert caught.value.payload == details


def test_the_sandbox_is_probed_not_believed(nix: Nix, root: Path) -> None:
    assert probe_sandbox(nix).sandbox is Sandbox.ON


def test_a_missing_sandbox_is_seen() -> None:
    """In a store at /nix: one in another root can't be built in without a sandbox."""

    def probe() -> str:
        settings = NixSettings(extra_options=(("sandbox", "false"),))
        return probe_sandbox(Nix(settings)).sandbox.value

    with world_folder() as folder:
        assert run_in_world(folder, probe) == "off"


# Users, rights and signals


def test_an_ordinary_user_has_a_store_of_their_own(tmp_path: Path) -> None:
    def as_user(folder: Path) -> list[str]:
        nix = Nix(NixSettings(store=str(folder / "home/root"), max_jobs=1))
        program = add_program(nix, folder / "home/tree", "mine\n", "make-directory")
        [target] = nix.build(derivation("mine", program), [""])
        return [str(nix.physical_path(target.path).is_dir()), nix.log(target.path) or ""]

    with world_folder() as folder:

        def as_root() -> object:
            account = make_account(folder, nix_user=False)
            environ = {"PATH": os.environ["PATH"], "HOME": str(account.home)}
            return run_as(account, environ, lambda: as_user(folder))

        assert run_in_world(folder, as_root) == ["True", "mine\n"]


def test_a_store_that_can_not_be_written_is_named_with_a_way_out() -> None:
    def as_user() -> list[str | None]:
        with pytest.raises(MachineError) as refused:
            Nix(NixSettings(store="local")).add_tree(Path("/etc/passwd"), "x")
        return [refused.value.message, refused.value.hint]

    with world_folder() as folder:

        def as_root() -> object:
            account = make_account(folder, nix_user=False)
            environ = {"PATH": os.environ["PATH"], "HOME": str(account.home)}
            return run_as(account, environ, as_user)

        message, hint = run_in_world(folder, as_root)
    assert "not writable" in message
    assert "--store" in hint


def running_builders(program: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if program in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_no_process(
    nix: Nix, root: Path, tmp_path: Path, number: signal.Signals
) -> None:
    program = add_program(nix, tmp_path, f"waiting {tmp_path}\n", "wait")
    expression = derivation("waits", program, args='[ "wait-for-ever" (placeholder "out") ]')
    code = f"""
import sys
import tempfile
from nixgen.nixcli import Nix, NixSettings
try:
    Nix(NixSettings(store={str(root)!r})).build({expression!r}, [""])
except KeyboardInterrupt:
    sys.exit(130)
"""
    [target] = nix.instantiate(expression, [""])
    mark = str(target.path).encode()
    outer = os.posix_spawn(sys.executable, [sys.executable, "-c", code], dict(os.environ))
    deadline = time.monotonic() + 60
    while not running_builders(mark):
        assert time.monotonic() < deadline, "the build does not start"
        time.sleep(0.05)
    os.kill(outer, number)
    _, status = os.waitpid(outer, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + number
    assert running_builders(mark) == []
    assert running_builders(str(root).encode()) == []
    assert nix.is_valid([target.path]) == set()
