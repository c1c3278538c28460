"""The CI files that users copy, run line by line against a registry and a Sigstore here."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import EXAMPLES, ROOT, Cli
from tests.fakes.sigstore import REQUEST_TOKEN, FakeSigstore, make_token, serving_sigstore

_PASSWORD = "planted-login-5c1e"
_GITHUB = "https://token.actions.githubusercontent.com"

_NIXGEN = """#!/bin/sh
# nixgen, to whom the Sigstore of the test is the public one.
case $1 in
  image) set -- "$@" --trust-config "$TEST_TRUST" -q ;;
  verify) set -- "$@" --trusted-root "$TEST_TRUST" ;;
esac
exec "$TEST_PYTHON" -m nixgen "$@"
"""
_DOCKER = """#!/bin/sh
# Takes a login as docker does: the password from stdin.
printf '%s ' "$@" > "$TEST_FOLDER/docker-arguments"
cat > "$TEST_FOLDER/docker-password"
"""


@dataclass
class Runner:
    """A machine that runs the steps of a job; what a step writes for later ones, they see."""

    folder: Path
    project: Path
    environ: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def run(self, script: str, *options: str, environ: Mapping[str, Any] | None = None) -> int:
        files = {name: self.folder / name for name in ("GITHUB_ENV", "GITHUB_OUTPUT")}
        for place in files.values():
            place.write_text("")
        done = subprocess.run(
            ["bash", *options, "-c", script],
            cwd=self.project,
            env={
                **self.environ,
                **(environ or {}),
                **{name: str(place) for name, place in files.items()},
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        self.environ.update(_pairs(files["GITHUB_ENV"]))
        self.outputs.update(_pairs(files["GITHUB_OUTPUT"]))
        return done.returncode


def _pairs(place: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in place.read_text().splitlines())


@pytest.fixture
def sigstore() -> Iterator[FakeSigstore]:
    with serving_sigstore() as fake:
        yield fake


@pytest.fixture
def runner(project: Path, cli: Cli, sigstore: FakeSigstore, tmp_path: Path) -> Runner:
    """A machine whose working folder is a project with a lockfile, and which has nixgen."""
    assert cli("lock", project).exit_code == 0
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("nixgen", _NIXGEN), ("docker", _DOCKER)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    kept = ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "NIX_CONFIG", "TMPDIR")
    return Runner(
        folder=tmp_path,
        project=project,
        environ={
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "TEST_FOLDER": str(tmp_path),
            "TEST_PYTHON": sys.executable,
            "TEST_TRUST": str(sigstore.write_trust_config(tmp_path / "trust.json")),
        },
    )


def _recipe(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / "ci" / name).read_text())


def _is_of_the_registry(pinned: str, repository: str) -> bool:
    name, _, digest = pinned.partition("@sha256:")
    return name == repository and len(digest) == 64


def _github_steps(job: Any) -> Sequence[Any]:
    return [each for each in job["steps"] if "run" in each and "Install" not in each["name"]]


def test_the_workflow_publishes_an_image_that_verifies_as_its_own(
    runner: Runner, sigstore: FakeSigstore, registry: str
) -> None:
    workflow = _recipe("github.yml")
    own = "Team/Shop/.github/workflows/image.yml@refs/tags/v2.1"
    sigstore.identity, sigstore.issuer = f"https://github.com/{own}", _GITHUB
    runner.environ.update(
        {
            **workflow["env"],
            "REGISTRY": registry,
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "somebody",
            "GITHUB_REF_NAME": "v2.1",
            "GITHUB_REPOSITORY": "Team/Shop",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_WORKFLOW_REF": own,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{sigstore.url}/token",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
        }
    )
    for step in _github_steps(workflow["jobs"]["image"]):
        given = {"PASSWORD": _PASSWORD} if "env" in step else {}
        assert runner.run(step["run"], "-e", environ=given) == 0, runner.said[-1]
    assert (runner.folder / "docker-password").read_text() == _PASSWORD
    assert _PASSWORD not in (runner.folder / "docker-arguments").read_text()
    assert _is_of_the_registry(runner.outputs["image"], f"{registry}/team/shop")
    assert sigstore.tokens

    (deploy,) = _github_steps(workflow["jobs"]["deploy"])
    image = {"IMAGE": runner.outputs["image"]}
    assert runner.run(deploy["run"], "-e", environ=image) == 0
    assert runner.said[-2] == f"{runner.outputs['image']}\n"

    # Another workflow of the repository does not verify it, and says no digest.
    runner.outputs.clear()
    other = own.replace("image.yml", "other.yml")
    verify = _github_steps(workflow["jobs"]["image"])[-1]
    assert runner.run(verify["run"], "-e", environ={"GITHUB_WORKFLOW_REF": other}) == 11
    assert runner.outputs == {}


def _gitlab_variables(job: Any, condition: str, known: Mapping[str, str]) -> dict[str, str]:
    """The variables of the rule that applies, in which GitLab puts in those known."""
    (rule,) = (each for each in job["rules"] if each["if"] == condition)
    texts = {**job["variables"], **rule["variables"]}
    for name in sorted(known, key=len, reverse=True):
        texts = {key: text.replace(f"${name}", known[name]) for key, text in texts.items()}
    return texts


@pytest.mark.parametrize(
    ("condition", "own", "ref"),
    [
        ("$CI_COMMIT_TAG", {"CI_COMMIT_TAG": "v2.1"}, "refs/tags/v2.1"),
        (
            "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
            {"CI_COMMIT_BRANCH": "main"},
            "refs/heads/main",
        ),
    ],
)
def test_the_job_publishes_an_image_that_verifies_as_its_own(
    runner: Runner,
    sigstore: FakeSigstore,
    registry: str,
    condition: str,
    own: dict[str, str],
    ref: str,
) -> None:
    recipe = _recipe("gitlab.yml")
    job = recipe["publish"]
    sigstore.identity = f"https://gitlab.example/team/shop//.gitlab-ci.yml@{ref}"
    sigstore.issuer = "https://gitlab.example"
    known = {
        **own,
        "CI_COMMIT_REF_NAME": next(iter(own.values())),
        "CI_CONFIG_PATH": ".gitlab-ci.yml",
        "CI_PROJECT_PATH": "team/shop",
        "CI_REGISTRY": registry,
        "CI_REGISTRY_IMAGE": f"{registry}/team/gitlab",
        "CI_REGISTRY_PASSWORD": _PASSWORD,
        "CI_REGISTRY_USER": "job",
        "CI_SERVER_URL": "https://gitlab.example",
        "GITLAB_CI": "true",
        "SIGSTORE_ID_TOKEN": make_token(issuer="https://gitlab.example"),
    }
    (token,) = job["id_tokens"]
    assert token in known
    runner.environ.update({**known, **_gitlab_variables(job, condition, known)})
    script = "\n".join([*job["script"], 'cp "$REGISTRY_AUTH_FILE" "$TEST_FOLDER/login.json"'])
    assert runner.run(script, "-eo", "pipefail") == 0, runner.said[-1]
    login = json.loads((runner.folder / "login.json").read_text())["auths"][registry]["auth"]
    assert base64.b64decode(login).decode() == f"job:{_PASSWORD}"

    report = runner.project / job["artifacts"]["reports"]["dotenv"]
    deployed = _pairs(report)
    assert _is_of_the_registry(deployed["IMAGE"], f"{registry}/team/gitlab")
    assert runner.run("\n".join(recipe["deploy"]["script"]), "-e", environ=deployed) == 0
    assert runner.said[-2] == f"{deployed['IMAGE']}\n"
    assert not any(_PASSWORD in text or login in text for text in runner.said)
