"""What [[test]] tables become: defaults, names, users, platforms."""

from __future__ import annotations

from pathlib import Path

from nixgen.platforms import Platform
from nixgen.spec import Expectation, FileCheck, PortCheck, Test, parse_description
from tests.unit.spec import valid

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
_HEAD = '[app]\nname = "x"\n[image]\nentrypoint = ["x"]\n'


def resolved(
    text: str, project: Path, platform: Platform = AMD64, profile: str | None = None
) -> tuple[Test, ...]:
    description = parse_description(text, path=project / "app.toml")
    return description.resolve(platform=platform, profile=profile).tests


def test_every_key_arrives(project: Path) -> None:
    first, plain, failing, server, files = resolved(valid.TESTS, project, ARM64)
    assert first == Test(
        name="its own process",
        stdin="a\nb\n",
        env=(("LOG", "arm64"),),
        user=(0, 0),
        stdout=Expectation(contains=("a", "b"), regex="^b$"),
        timeout_ns=90_000_000_000,
        network=True,
    )
    assert plain == Test(name="tested 'two words'", run=("tested", "two words"))
    assert failing == Test(
        name="tested 'two words' (2)",
        run=("tested", "two words"),
        exit=3,
        stderr=Expectation(contains=("sorry",), regex="."),
        user=(7, 7),
    )
    assert server == Test(
        name="answers on 1, 80, 8080",
        ports=(
            PortCheck(port=8080),
            PortCheck(port=80),
            PortCheck(port=8080, get="/a?b", status=404, body=Expectation(text="gone")),
            PortCheck(port=1, get="/", body=Expectation(contains=("x",), regex="y")),
        ),
    )
    assert files == Test(
        name="its files",
        files=(FileCheck(path="/etc/passwd"), FileCheck(path="/bin/x", type="file", mode=0o555)),
        absent=("/bin/sh",),
        user=(8, 9),
    )


def test_a_test_for_one_platform_is_no_test_of_another(project: Path) -> None:
    names = [test.name for test in resolved(valid.TESTS, project, AMD64)]
    assert "answers on 1, 80, 8080" not in names
    assert len(names) == 4


def test_a_profile_adds_tests_and_takes_them_away_by_name(project: Path) -> None:
    text = (
        _HEAD + '[[test]]\nname = "slow"\nrun = ["x"]\n[[test]]\nname = "quick"\nrun = ["x"]\n'
        '[profile.ci]\ntest = { remove = ["slow"], append = [{ run = ["y"] }] }\n'
    )
    assert [test.name for test in resolved(text, project)] == ["slow", "quick"]
    assert [test.name for test in resolved(text, project, profile="ci")] == ["quick", "y"]


def test_a_platform_has_tests_of_its_own(project: Path) -> None:
    text = _HEAD + (
        '[[test]]\nrun = ["x"]\n[platform."linux/arm64"]\n'
        'test = { append = [{ run = ["${platform.arch}"] }] }\n'
    )
    assert [test.run for test in resolved(text, project, ARM64)] == [("x",), ("arm64",)]
    assert [test.run for test in resolved(text, project, AMD64)] == [("x",)]


def test_names_made_up_differ_from_names_given(project: Path) -> None:
    text = _HEAD + (
        '[[test]]\nrun = ["x"]\n[[test]]\nrun = ["x"]\n[[test]]\nname = "x (2)"\nrun = ["y"]\n'
    )
    assert [test.name for test in resolved(text, project)] == ["x", "x (3)", "x (2)"]


def test_a_name_made_up_is_one_short_line(project: Path) -> None:
    text = _HEAD + f'[[test]]\nrun = ["x", """a\nb""", "{"z" * 99}"]\n'
    (test,) = resolved(text, project)
    assert test.name.startswith("x 'a b' zzz")
    assert len(test.name) == 60


def test_looking_at_files_starts_nothing_but_an_outcome_does(project: Path) -> None:
    files, run, silent, served = resolved(
        _HEAD + '[[test]]\nfiles = ["/x"]\n[[test]]\nfiles = ["/x"]\nrun = ["x"]\n'
        '[[test]]\nstderr = ""\n[[test]]\nports = [80]\n',
        project,
    )
    assert not files.starts_something
    assert run.starts_something
    assert silent.starts_something
    assert served.starts_something
