import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nixgen.errors import MachineError, NixgenError, UsageError
from nixgen.registry import Credentials, Login

SECRET = "s3cr3t-word"


def auth(user: str, password: str = SECRET) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def docker(folder: Path, document: Any, **environ: str) -> Credentials:
    (folder / "config.json").write_text(json.dumps(document))
    return Credentials.of_environment({"DOCKER_CONFIG": str(folder), **environ})


def helper(folder: Path, name: str, script: str) -> dict[str, str]:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_the_most_specific_entry_of_auths_is_taken(tmp_path: Path) -> None:
    auths = {"r.example": auth("host"), "r.example/team": auth("team")}
    known = docker(tmp_path, {"auths": auths})
    for repository, user in [("team/app", "team"), ("team", "team"), ("teams/app", "host")]:
        assert known.find("r.example", repository) == Login(username=user, password=SECRET)
    assert known.find("other.example", "team/app") is None


@pytest.mark.parametrize(
    "key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "https://docker.io"]
)
def test_the_login_for_docker_hub_has_several_names(tmp_path: Path, key: str) -> None:
    login = docker(tmp_path, {"auths": {key: auth("u")}}).find("docker.io", "library/alpine")
    assert login == Login(username="u", password=SECRET)


def test_keys_may_be_addresses(tmp_path: Path) -> None:
    known = docker(tmp_path, {"auths": {"https://r.example:5000/v2/": auth("u")}})
    assert known.find("r.example:5000", "app") is not None


def test_the_named_file_of_podman_stands_alone(tmp_path: Path) -> None:
    podman = tmp_path / "auth.json"
    podman.write_text(json.dumps({"auths": {"a.example": auth("podman")}}))
    environ = {"REGISTRY_AUTH_FILE": str(podman)}
    known = docker(tmp_path, {"auths": {"b.example": auth("docker")}}, **environ)
    assert known.find("a.example", "x") == Login(username="podman", password=SECRET)
    assert known.find("b.example", "x") is None


def test_podman_is_asked_before_docker(tmp_path: Path) -> None:
    (tmp_path / "containers").mkdir()
    podman = {"auths": {"a.example": auth("podman")}}
    (tmp_path / "containers" / "auth.json").write_text(json.dumps(podman))
    auths = {"a.example": auth("docker"), "b.example": auth("docker")}
    known = docker(tmp_path, {"auths": auths}, XDG_RUNTIME_DIR=str(tmp_path))
    assert known.find("a.example", "x") == Login(username="podman", password=SECRET)
    assert known.find("b.example", "x") == Login(username="docker", password=SECRET)


def test_a_helper_is_asked_for_its_host_and_the_store_for_the_rest(tmp_path: Path) -> None:
    script = 'read -r host; printf \'{"Username":"of-%s","Secret":"x"}\' "$host"'
    environ = helper(tmp_path, "one", script)
    helper(tmp_path, "two", 'printf \'{"Username":"<token>","Secret":"identity"}\'')
    config = {"credHelpers": {"r.example": "one"}, "credsStore": "two"}
    known = docker(tmp_path, config, **environ)
    assert known.find("r.example", "app") == Login(username="of-r.example", password="x")
    assert known.find("s.example", "app") == Login(identity_token="identity")


def test_what_the_store_does_not_know_may_stand_in_the_file(tmp_path: Path) -> None:
    environ = helper(tmp_path, "none", "echo credentials not found in native keychain; exit 1")
    config = {"credsStore": "none", "auths": {"r.example": auth("u")}}
    known = docker(tmp_path, config, **environ)
    assert known.find("r.example", "app") == Login(username="u", password=SECRET)


@pytest.mark.parametrize(
    "script", [f"echo {SECRET} >&2; exit 2", f"echo '{SECRET}'", f"echo '[\"{SECRET}\"]'"]
)
def test_a_helper_that_fails_is_told_without_its_words(tmp_path: Path, script: str) -> None:
    environ = helper(tmp_path, "bad", script)
    with pytest.raises(MachineError, match="docker-credential-bad") as caught:
        docker(tmp_path, {"credsStore": "bad"}, **environ).find("r.example", "app")
    assert SECRET not in str(caught.value)


def test_a_helper_that_is_missing_or_is_a_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="docker-credential-gone"):
        docker(tmp_path, {"credsStore": "gone"}, PATH="/nowhere").find("r.example", "app")
    with pytest.raises(UsageError, match="credential helper"):
        docker(tmp_path, {"credsStore": "../evil"}).find("r.example", "app")


def test_a_helper_may_be_for_a_path_and_a_host_may_be_left_out_of_the_store(
    tmp_path: Path,
) -> None:
    script = 'read -r host; printf \'{"Username":"of-%s","Secret":"x"}\' "$host"'
    environ = helper(tmp_path, "one", script)
    config = {
        "credHelpers": {"r.example/team": "one", "s.example": ""},
        "credsStore": "one",
        "auths": {"s.example": auth("plain")},
    }
    known = docker(tmp_path, config, **environ)
    assert known.find("r.example", "team/app") == Login(username="of-r.example/team", password="x")
    assert known.find("r.example", "app") == Login(username="of-r.example", password="x")
    assert known.find("s.example", "app") == Login(username="plain", password=SECRET)


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io"])
def test_a_helper_is_asked_for_docker_hub_by_its_old_name(tmp_path: Path, key: str) -> None:
    script = 'read -r host; printf \'{"Username":"%s","Secret":"x"}\' "$host"'
    environ = helper(tmp_path, "one", script)
    login = docker(tmp_path, {"credHelpers": {key: "one"}}, **environ).find("docker.io", "a/b")
    assert login == Login(username="https://index.docker.io/v1/", password="x")


def test_an_empty_answer_is_no_login(tmp_path: Path) -> None:
    environ = helper(tmp_path, "one", 'printf \'{"Username":"","Secret":""}\'')
    assert docker(tmp_path, {"credsStore": "one"}, **environ).find("r.example", "app") is None


@pytest.mark.parametrize("script", ["exec sleep 60", "while :; do echo xxxxxxxxxxxxxxxxxxx; done"])
def test_a_helper_that_does_not_end_is_ended(tmp_path: Path, script: str) -> None:
    environ = helper(tmp_path, "slow", script)
    known = replace(docker(tmp_path, {"credsStore": "slow"}, **environ), helper_s=0.3)
    with pytest.raises(MachineError, match="gave no answer"):
        known.find("r.example", "app")


@pytest.mark.parametrize(
    "document",
    [
        [SECRET],
        {"auths": [SECRET]},
        {"auths": {"r.example": SECRET}},
        {"auths": {"r.example": {"auth": SECRET + "!"}}},
        {"auths": {"r.example": {"auth": base64.b64encode(SECRET.encode()).decode()}}},
        {"auths": {"r.example": {"username": 1, "password": SECRET}}},
    ],
)
def test_a_malformed_file_is_told_without_its_content(tmp_path: Path, document: Any) -> None:
    with pytest.raises(UsageError, match=r"config\.json") as caught:
        docker(tmp_path, document).find("r.example", "app")
    assert SECRET not in str(caught.value)


def test_a_file_that_is_no_json_is_told_and_a_missing_one_is_none(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    known = Credentials(files=(path,))
    assert known.find("r.example", "app") is None
    path.write_text(f"{{{SECRET}")
    with pytest.raises(NixgenError) as caught:
        known.find("r.example", "app")
    assert SECRET not in str(caught.value)


def test_secrets_are_in_no_repr() -> None:
    login = Login(username="u", password=SECRET, identity_token=SECRET)
    assert SECRET not in repr(login)
    assert SECRET not in repr(Credentials(explicit=login, environ={"X": SECRET}))
