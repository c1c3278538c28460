"""Logins for registries, from where Docker and Podman keep them.

Docker: https://docs.docker.com/reference/cli/docker/login/; Podman:
https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md. No secret is ever
in a repr, a message or a log.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nixgen._process import run_limited
from nixgen.errors import MachineError, UsageError
from nixgen.registry.errors import bounded

_DOCKER_HUB = "docker.io"
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
_HELPER_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HELPER_BYTES = 1 << 20
_CONFIG_BYTES = 4 << 20
_TOKEN_USER = "<token>"  # noqa: S105  why: the word that helpers use, no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user and a password, or an identity token in the place of both."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any message."""
        return tuple(text for text in (self.password, self.identity_token) if text)

    def basic(self) -> str:
        """The value of a header for HTTP's basic authentication (RFC 7617)."""
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where logins are looked up: an explicit one, else files in order. The default knows none.

    A credential helper has `helper_s` seconds to answer.
    """

    explicit: Login | None = None
    files: tuple[Path, ...] = ()
    helper_s: float = 60.0
    environ: Mapping[str, str] | None = field(default=None, repr=False)

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> Credentials:
        """The files of the user: $REGISTRY_AUTH_FILE alone, else Podman's, then Docker's."""
        return cls(files=tuple(_config_files(environ)), environ=environ)

    def find(self, host: str, repository: str) -> Login | None:
        """The login for a repository; None where nobody knows one.

        Raises UsageError where a file is malformed, MachineError where a helper can't be run.
        """
        if self.explicit is not None:
            return self.explicit
        for path in self.files:
            login = self._find_in(path, host, repository)
            if login is not None:
                return login
        return None

    def _find_in(self, path: Path, host: str, repository: str) -> Login | None:
        config = _read_config(path)
        names = tuple(_scopes(host, repository))
        server = _DOCKER_HUB_KEY if host == _DOCKER_HUB else host
        helpers = _by_name(config, "credHelpers", path)
        own = next((name for name in names if name in helpers), None)
        # why: an empty name is how a registry is left out of the store.
        helper = config.get("credsStore") if own is None else helpers[own]
        if helper:
            login = self._ask(helper, server if own in (None, host) else own, path)
            if login is not None:
                return login
        entries = _by_name(config, "auths", path)
        for name in names:
            if entries.get(name):
                return _parse_entry(entries[name], name, path)
        return None

    def _ask(self, helper: Any, server: str, path: Path) -> Login | None:
        if not isinstance(helper, str) or not _HELPER_NAME.fullmatch(helper):
            raise UsageError(f"{path}: not the name of a credential helper: {bounded(str(helper))}")
        program = f"docker-credential-{helper}"
        done = run_limited(
            [program, "get"],
            input=server.encode(),
            timeout_s=self.helper_s,
            max_output_bytes=_HELPER_BYTES,
            env=self.environ,
        )
        if done.timed_out or done.overflowed:
            raise MachineError(f"{program} gave no answer for {server} (named in {path})")
        if done.exit_code != 0:
            if b"not found" in done.stdout + done.stderr:
                return None
            raise MachineError(f"{program} failed for {server} (named in {path})")
        return _parse_helper(done.stdout, program)


def _config_files(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("REGISTRY_AUTH_FILE"):
        yield Path(environ["REGISTRY_AUTH_FILE"])
        return
    home = environ.get("HOME")
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime:
        yield Path(runtime) / "containers" / "auth.json"
    elif os.getuid() == 0:
        yield Path("/run/containers/0/auth.json")
    config = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    if config:
        yield Path(config) / "containers" / "auth.json"
    docker = environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")
    if docker:
        yield Path(docker) / "config.json"


def _read_config(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_CONFIG_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"can't read the logins in {path}: {error.strerror}") from error
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        # why: nothing of the cause is told, since it may quote the file.
        raise UsageError(f"{path} is not JSON, so no login can be read from it") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path} is not a JSON object, so no login can be read from it")
    return document


def _by_name(config: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    """An object of the file, its keys as the names that `_scopes` gives."""
    value = config.get(key) or {}
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {key} is not a JSON object")
    return {_plain_key(name): entry for name, entry in value.items()}


def _scopes(host: str, repository: str) -> Iterator[str]:
    """The names that a login may stand under, the most specific first."""
    parts = repository.split("/") if repository else []
    for count in range(len(parts), 0, -1):
        yield f"{host}/{'/'.join(parts[:count])}"
    yield host


def _plain_key(key: str) -> str:
    """`https://HOST/v1/`, as Docker writes it, is HOST; Docker Hub's has a name of its own."""
    name = re.sub(r"^https?://", "", key)
    name = re.sub(r"/(?:v[12]/?)?$", "", name)
    return _DOCKER_HUB if name in ("index.docker.io", "registry-1.docker.io") else name


def _parse_entry(entry: Any, name: str, path: Path) -> Login | None:
    wrong = UsageError(f"{path}: the login for {name} is malformed", hint=f"docker login {name}")
    if not isinstance(entry, dict):
        raise wrong
    token = entry.get("identitytoken") or None
    username, password = entry.get("username") or "", entry.get("password") or ""
    if entry.get("auth"):
        try:
            pair = base64.b64decode(entry["auth"], validate=True).decode()
        except (binascii.Error, ValueError, TypeError):
            raise wrong from None
        username, colon, password = pair.partition(":")
        if not colon:
            raise wrong
    if not all(isinstance(text, str) for text in (username, password, token or "")):
        raise wrong
    if not (username or token):
        return None
    return Login(username=username, password=password.rstrip("\0"), identity_token=token)


def _parse_helper(output: bytes, program: str) -> Login | None:
    try:
        document = json.loads(output)
        username, secret = document["Username"], document["Secret"]
        if not (isinstance(username, str) and isinstance(secret, str)):
            raise TypeError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise MachineError(f"{program} gave an answer that is no login") from None
    if not (username or secret):
        return None
    if username == _TOKEN_USER:
        return Login(identity_token=secret)
    return Login(username=username, password=secret)
