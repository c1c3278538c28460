"""Calls of Nix's programs: with which options, in which environment, and what failed."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from nixgen import _process
from nixgen._process import Completed, Runner
from nixgen.errors import MachineError
from nixgen.nixcli.access import Host, StoreAccess, find_access
from nixgen.nixcli.activity import Activities
from nixgen.nixcli.failures import FailedCall, SourceNames, explain_failure, shown_names
from nixgen.nixcli.settings import NixSettings, clean_environment, option_arguments
from nixgen.nixcli.version import OLDEST_NIX, NixVersion
from nixgen.progress import Reporter, Silent

INSTALL_HINT = (
    "sudo apt-get install nix-bin  (Debian, Ubuntu); elsewhere see https://nixos.org/download"
)


class NixCalls:
    """What all calls of Nix have in common; `Nix` is what callers use."""

    def __init__(
        self,
        settings: NixSettings | None = None,
        *,
        runner: Runner = _process.run,
        reporter: Reporter | None = None,
        environ: Mapping[str, str] | None = None,
        host: Host | None = None,
    ) -> None:
        """See `NixSettings`; `reporter` is told what long work does."""
        self.settings = settings or NixSettings()
        self.reporter = reporter or Silent()
        self._runner = runner
        environ = os.environ if environ is None else environ
        self._remote = environ.get("NIX_REMOTE")
        self._env = clean_environment(environ)
        self._host = host or Host.this(environ)

    def with_settings(self, settings: NixSettings) -> Self:
        """The same Nix, used with other settings."""
        other = copy.copy(self)
        other.settings = settings
        other.__dict__.pop("access", None)
        if settings.program_dir != self.settings.program_dir:
            other.__dict__.pop("version", None)
        return other

    def silent(self) -> Self:
        """The same Nix, whose work nobody is told of."""
        other = copy.copy(self)
        other.reporter = Silent()
        return other

    @cached_property
    def version(self) -> NixVersion:
        """Which Nix this is; raises MachineError when it is missing or too old."""
        try:
            done = self._runner([self._program("nix"), "--version"], env=self._env).check()
            version = NixVersion.parse(done.stdout.decode(errors="replace"))
        except (MachineError, ValueError) as error:
            text = error.message if isinstance(error, MachineError) else str(error)
            raise MachineError(f"Nix can't be used: {text}", hint=INSTALL_HINT) from error
        if version < OLDEST_NIX:
            raise MachineError(
                f"Nix {version} is too old: {OLDEST_NIX} or newer is needed", hint=INSTALL_HINT
            )
        return version

    @cached_property
    def access(self) -> StoreAccess:
        """How the store is reached; raises MachineError when there is no way."""
        return find_access(self.settings.store, remote=self._remote, host=self._host)

    def _call(
        self,
        program: str,
        *arguments: str,
        names: SourceNames | None = None,
        reporter: Reporter | None = None,
    ) -> tuple[Completed, Activities]:
        """Run a program of Nix, telling the reporter; raises the error that fits a failure."""
        _ = self.version
        activities = Activities(reporter or self.reporter)
        options = option_arguments(self.settings, self.access)
        argv = [self._program(program), *arguments, *options, "--log-format", "internal-json"]
        done = self._runner(argv, env=self._env, on_stderr_line=activities.take)
        if done.exit_code != 0:
            shown = shown_names(names or {}, self.access.root)
            raise explain_failure(
                FailedCall(activities=activities, exit_code=done.exit_code, names=shown)
            )
        return done, activities

    def _text(self, program: str, *arguments: str) -> str:
        return self._call(program, *arguments)[0].stdout.decode(errors="replace").strip()

    def _json(self, *arguments: str, names: SourceNames | None = None) -> Any:
        done, _ = self._call("nix", *arguments, names=names)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise MachineError(f"nix {arguments[0]} did not answer in JSON") from error

    def _program(self, name: str) -> str:
        folder = self.settings.program_dir
        return name if folder is None else str(folder / name)
