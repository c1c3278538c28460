"""What is said to Nix, to the letter, and that nothing of the user's surroundings gets in."""

import json
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import HashMismatchError, MachineError
from nixgen.nixcli import BuildTarget, NixSettings, StorePath, fixed_output_path
from tests.fakes.nix import OPTIONS, PURE, REPORTING, argv, fake_nix, internal
from tests.fakes.runner import Answer

HASH = "0123456789abcdfghijklmnpqrsvwxyz"
NAR = Digest.of_bytes(b"nar")
TREE = f"/nix/store/{HASH}-source"
INFO = {"narHash": NAR.sri, "narSize": 12, "references": []}


def test_evaluation_is_pure_and_says_every_option_that_matters(tmp_path: Path) -> None:
    expected = (
        *("nix", "eval", "--json", "--pure-eval", "--show-trace", "--expr", "{ a = 1; }", "a"),
        *("--option", "extra-experimental-features", "nix-command flakes"),
        *("--option", "sandbox", "true", "--option", "sandbox-fallback", "false"),
        *("--option", "sandbox-paths", ""),
        *("--option", "substitute", "false", "--option", "substituters", ""),
        *("--log-format", "internal-json"),
    )
    nix, runner, _ = fake_nix(tmp_path, {expected: Answer(stdout="1")})
    assert nix.eval_json("{ a = 1; }", "a") == 1
    assert runner.calls == [("nix", "--version"), expected]


def test_settings_become_options(tmp_path: Path) -> None:
    settings = NixSettings(
        store=str(tmp_path / "root"),
        substitute=True,
        max_jobs=3,
        cores=2,
        sandbox_paths=None,
        keep_going=True,
        extra_options=(("log-lines", "7"),),
        program_dir=Path("/programs"),
    )
    expected = (
        *("/programs/nix", *PURE, "1"),
        *("--option", "extra-experimental-features", "nix-command flakes"),
        *("--option", "sandbox", "true", "--option", "sandbox-fallback", "false"),
        *("--option", "max-jobs", "3", "--option", "cores", "2", "--option", "keep-going", "true"),
        *("--option", "store", str(tmp_path / "root"), "--option", "log-lines", "7"),
        *REPORTING,
    )
    answers = {
        ("/programs/nix", "--version"): Answer(stdout="nix (Nix) 2.26.3\n"),
        expected: Answer(stdout="1"),
    }
    nix, _, _ = fake_nix(tmp_path, answers, settings=settings)
    assert nix.eval_json("1") == 1


def test_the_users_surroundings_do_not_reach_nix(tmp_path: Path) -> None:
    environ = {
        "PATH": "/bin",
        "HOME": "/home/u",
        "NIX_PATH": "nixpkgs=/evil",
        "NIX_CONFIG": "sandbox = false",
        "NIX_USER_CONF_FILES": "/evil.conf",
        "NIX_STORE_DIR": "/evil",
        "LANG": "de_DE.UTF-8",
        "https_proxy": "http://proxy",
        "SOURCE_DATE_EPOCH": "7",
    }
    nix, runner, _ = fake_nix(
        tmp_path, {argv("nix", *PURE, "1"): Answer(stdout="1")}, environ=environ
    )
    nix.eval_json("1")
    assert runner.environments[-1] == {
        "PATH": "/bin",
        "HOME": "/home/u",
        "https_proxy": "http://proxy",
        "LC_ALL": "C",
        "NIX_USER_CONF_FILES": "",
        "TERM": "dumb",
    }


@pytest.mark.parametrize("text", ["nix (Nix) 2.7.1", "nix (Nix) 1.11", "something else", ""])
def test_a_nix_that_is_too_old_or_none_is_refused_with_the_command_to_install(
    tmp_path: Path, text: str
) -> None:
    nix, _, _ = fake_nix(tmp_path, {("nix", "--version"): Answer(stdout=text)})
    with pytest.raises(MachineError) as refused:
        nix.eval_json("1")
    assert "apt-get install nix-bin" in str(refused.value)


@pytest.mark.parametrize("text", ["2.8", "2.8pre20220530", "2.35.0pre", "2.34.8"])
def test_versions_are_read_from_2_8_on(tmp_path: Path, text: str) -> None:
    nix, _, _ = fake_nix(tmp_path, version=text)
    assert nix.version.major == 2


def test_a_tree_of_another_name_is_added_by_name(tmp_path: Path) -> None:
    answers = {
        argv("nix", "store", "add-path", "--name", "source", "/x/app"): Answer(stdout=TREE + "\n"),
        argv("nix", "path-info", "--json", TREE): Answer(
            stdout=json.dumps([{"path": TREE, **INFO}])
        ),
    }
    nix, _, _ = fake_nix(tmp_path, answers)
    tree = nix.add_tree(Path("/x/app"))
    assert (str(tree.store_path), tree.nar_hash) == (TREE, NAR)


def test_a_tree_of_the_same_name_is_streamed(tmp_path: Path) -> None:
    added = argv("nix-store", "--add-fixed", "--recursive", "sha256", "/x/source")
    answers = {
        added: Answer(stdout=TREE + "\n"),
        argv("nix", "path-info", "--json", "--json-format", "1", TREE): Answer(
            stdout=json.dumps({TREE: INFO})
        ),
    }
    nix, _, _ = fake_nix(tmp_path, answers, version="2.34.8")
    assert str(nix.add_tree(Path("/x/source")).store_path) == TREE


def test_a_file_of_another_hash_is_not_added(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"found")
    nix, runner, _ = fake_nix(tmp_path)
    wanted, found = Digest.of_bytes(b"wanted"), Digest.of_bytes(b"found")
    with pytest.raises(HashMismatchError) as refused:
        nix.add_flat_file(file, "name", wanted)
    assert wanted.sri in refused.value.message
    assert found.sri in refused.value.message
    assert runner.calls == []


def test_a_file_is_added_at_the_path_of_its_fixed_output(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    digest = Digest.of_bytes(b"x")
    path = fixed_output_path("name", digest, recursive=False)
    added = argv("nix", "store", "add-file", "--name", "name", str(file))
    nix, _, _ = fake_nix(tmp_path, {added: Answer(stdout=f"{path}\n")})
    assert nix.add_flat_file(file, "name", digest) == path


def test_validity_of_many_paths_is_asked_in_few_calls(tmp_path: Path) -> None:
    paths = sorted(fixed_output_path(f"p{number}", NAR, recursive=True) for number in range(1500))
    names = [str(path) for path in paths]
    ask = ("nix-store", "--check-validity", "--print-invalid")
    answers = {
        (*ask, *names[:1000], *OPTIONS, *REPORTING): Answer(stdout=f"{names[3]}\n"),
        (*ask, *names[1000:], *OPTIONS, *REPORTING): Answer(stdout=f"{names[1400]}\n"),
    }
    nix, _, _ = fake_nix(tmp_path, answers)
    assert nix.is_valid(paths) == set(paths) - {paths[3], paths[1400]}


def test_an_invalid_path_has_no_info(tmp_path: Path) -> None:
    answer = Answer(stdout=json.dumps([{"path": TREE, "valid": False}]))
    nix, _, _ = fake_nix(tmp_path, {argv("nix", "path-info", "--json", TREE): answer})
    with pytest.raises(MachineError, match="not in the store"):
        nix.path_info([StorePath.parse(TREE)])


def test_a_plan_lists_what_would_be_built_and_fetched(tmp_path: Path) -> None:
    drv, fetched = f"/nix/store/{HASH}-a.drv", f"/nix/store/{HASH}-b"
    nix, runner, _ = fake_nix(tmp_path)
    lines = [
        internal(action="msg", level=3, msg="this derivation will be built:"),
        internal(action="msg", level=3, msg=f"  {drv}"),
        internal(action="msg", level=3, msg="these 1 paths will be fetched (1.00 MiB download):"),
        internal(action="msg", level=3, msg=f"  {fetched}"),
    ]
    realise = argv("nix-store", "--realise", "--dry-run", f"{drv}!dev")
    runner.answers[realise] = Answer(stderr=lines)
    target = BuildTarget(drv_path=StorePath.parse(drv), outputs={}, default_output="dev")
    plan = nix.plan_build([target])
    assert [str(path) for path in plan.to_build] == [drv]
    assert [str(path) for path in plan.to_fetch] == [fetched]


def test_an_expression_too_long_for_a_command_line_is_refused(tmp_path: Path) -> None:
    nix, _, _ = fake_nix(tmp_path)
    with pytest.raises(ValueError, match="imported from the store"):
        nix.eval_json("x" * 200_000)


@pytest.mark.parametrize(
    ("text", "freed"),
    [
        ("12 store paths deleted, 3.50 MiB freed", 3_670_016),
        ("0 store paths deleted, 0.00 MiB freed", 0),
    ],
)
def test_a_collection_tells_what_it_freed(tmp_path: Path, text: str, freed: int) -> None:
    nix, _, _ = fake_nix(tmp_path, {argv("nix-store", "--gc"): Answer(stdout=text)})
    assert nix.gc().freed_bytes == freed
