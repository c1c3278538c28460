"""What runs in an image: entrypoint, cmd, arguments, environment, user and stop signal."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nixgen.errors import BuildError, NixgenError, UsageError
from nixgen.runtime import ImageProcess, open_workspace
from nixgen.runtime.command import Command, make_command
from nixgen.runtime.image import DEFAULT_PATH
from tests.unit.runtime.images import make_image

Make = Callable[..., Command]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(config: dict[str, Any], **choice: Any) -> Command:
        image = make_image(
            tmp_path / str(len(list(tmp_path.iterdir()))), config=config, program=b"#"
        )
        with open_workspace(image) as workspace:
            process = ImageProcess.of(image, workspace.files)
            return make_command(process, workspace.files, **choice)

    (tmp_path / "first").mkdir()
    return made


@pytest.mark.parametrize(
    ("config", "choice", "argv"),
    [
        ({"Entrypoint": ["probe", "a"], "Cmd": ["b"]}, {}, ("probe", "a", "b")),
        ({"Entrypoint": ["probe", "a"], "Cmd": ["b"]}, {"args": ["c"]}, ("probe", "a", "c")),
        ({"Entrypoint": None, "Cmd": ["probe", "b"]}, {}, ("probe", "b")),
        ({"Entrypoint": None, "Cmd": ["x"]}, {"args": ["probe", "c"]}, ("probe", "c")),
        ({"Cmd": ["b"]}, {"entrypoint": ["/bin/probe"]}, ("/bin/probe",)),
        ({"Cmd": ["b"]}, {"entrypoint": ["probe"], "args": ["c"]}, ("probe", "c")),
    ],
)
def test_the_argument_vector_is_made_as_engines_make_it(
    make: Make, config: dict[str, Any], choice: dict[str, Any], argv: tuple[str, ...]
) -> None:
    assert make(config, **choice).argv == argv


def test_an_image_that_runs_nothing_needs_a_program(make: Make) -> None:
    with pytest.raises(UsageError, match="nothing to run"):
        make({"Entrypoint": None, "Cmd": None})


@pytest.mark.parametrize(
    ("config", "choice", "failure", "words"),
    [
        ({"Entrypoint": ["gone"]}, {}, BuildError, "'gone': it is not in its PATH"),
        ({"Entrypoint": None, "Cmd": ["gone"]}, {}, BuildError, "'gone'"),
        ({"Entrypoint": ["/bin/gone"]}, {}, BuildError, "'/bin/gone': it is not there"),
        ({"Entrypoint": ["/bin/plain"]}, {}, BuildError, "not an executable"),
        ({"Entrypoint": ["broken"]}, {}, BuildError, "script for '/bin/no-such-shell'"),
        ({"Entrypoint": None}, {"args": ["gone"]}, UsageError, "'gone'"),
        ({}, {"entrypoint": ["gone"]}, UsageError, "/bin: broken, plain, probe"),
    ],
)
def test_what_can_not_run_is_named(
    make: Make, config: dict[str, Any], choice: Any, failure: type[NixgenError], words: str
) -> None:
    with pytest.raises(failure) as caught:
        make(config, **choice)
    assert words in caught.value.message
    assert caught.value.hint


def test_environment_has_a_path_and_a_home_unless_the_image_says(make: Make) -> None:
    config = {"Env": ["B=2", "A=1=1"], "Entrypoint": ["/bin/probe"]}
    made = make(config, env={"B": "3"})
    assert made.env == (("A", "1=1"), ("B", "3"), ("HOME", "/home/app"), ("PATH", DEFAULT_PATH))
    made = make({"Env": ["HOME=/else", "PATH=/bin"], "User": "7:8"})
    assert dict(made.env) == {"HOME": "/else", "PATH": "/bin"}
    assert dict(make({"User": "7:8", "Env": ["PATH=/bin"]}).env)["HOME"] == "/"


@pytest.mark.parametrize(
    ("user", "ids"),
    [
        ("65532:65532", (65532, 65532)),
        ("7:8", (7, 8)),
        ("7", (7, 0)),
        ("65532", (65532, 65532)),
        ("app", (65532, 65532)),
        ("app:root", (65532, 0)),
        ("7:app", (7, 65532)),
        ("", (0, 0)),
    ],
)
def test_users_are_numbers_or_names_of_the_image(
    make: Make, user: str, ids: tuple[int, int]
) -> None:
    made = make({"User": user})
    assert (made.uid, made.gid) == ids


@pytest.mark.parametrize("user", ["nobody", "7:wheel"])
def test_unknown_users_and_groups_are_refused(make: Make, user: str) -> None:
    with pytest.raises(BuildError, match="is not in its /etc/"):
        make({"User": user})


@pytest.mark.parametrize(
    ("text", "number"),
    [(None, signal.SIGTERM), ("SIGINT", signal.SIGINT), ("quit", signal.SIGQUIT), ("10", 10)],
)
def test_stop_signals_are_names_or_numbers(make: Make, text: str | None, number: int) -> None:
    assert make({"StopSignal": text} if text else {}).stop_signal == number


def test_an_unknown_stop_signal_is_refused(make: Make) -> None:
    with pytest.raises(BuildError, match="SIGNOTHING"):
        make({"StopSignal": "SIGNOTHING"})
