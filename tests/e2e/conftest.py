"""Images built once per run and shared by the tests that look at them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
_REGISTRY_CONFIG = """
version: 0.1
log: {{ level: error }}
storage: {{ filesystem: {{ rootdirectory: {folder} }} }}
http: {{ addr: 127.0.0.1:{port} }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one call of the command line gave."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


Cli = Callable[..., Outcome]


def run_cli(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Outcome:
    """`nixgen ARGUMENTS`, as a user would start it."""
    done = subprocess.run(
        [sys.executable, "-m", "nixgen", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Outcome(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture(scope="session", autouse=True)
def _private_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A layer cache and a state folder of this run's own: those of the user stay as they are."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture(scope="session")
def cli() -> Cli:
    return run_cli


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An example built once: its own copy of the project, and what `--json` said."""

    project: Path
    document: Any

    @property
    def layout(self) -> Path:
        return Path(self.document["path"])

    @property
    def digest(self) -> str:
        return str(self.document["digest"])

    @property
    def image(self) -> Any:
        (image,) = self.document["platforms"]
        return image


BuildExample = Callable[..., Built]


@pytest.fixture(scope="session")
def build_example(tmp_path_factory: pytest.TempPathFactory) -> BuildExample:
    """Build an example with the options given; the same call gives the same result again."""
    made: dict[tuple[str, ...], Built] = {}

    def build(example: str, *options: str) -> Built:
        key = (example, *options)
        if key not in made:
            folder = tmp_path_factory.mktemp(example)
            project = folder / example
            shutil.copytree(EXAMPLES / example, project)
            outcome = run_cli(
                "image", project / "app.toml", "-o", folder / "image.oci", "--json", *options
            )
            assert outcome.exit_code == 0, outcome.stderr
            made[key] = Built(project=project, document=outcome.document)
        return made[key]

    return build


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of an example whose build is in the store already."""
    return Path(shutil.copytree(EXAMPLES / "site", tmp_path / "site"))


@pytest.fixture
def built(project: Path, cli: Cli) -> Path:
    """The example's image, once built."""
    layout = project.parent / "image.oci"
    outcome = cli("image", project, "-o", layout, "-q")
    assert outcome.exit_code == 0, outcome.stderr
    return layout


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def change(project: Path) -> None:
    """Let the next build give another image."""
    (project / "public/index.html").write_text("<h1>Changed</h1>\n")


def error_of(outcome: Outcome) -> Any:
    """The error that `--json` printed; stdout must hold exactly one document."""
    assert list(outcome.document) == ["error"]
    return outcome.document["error"]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of an empty registry."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "config.yml"
    config.write_text(_REGISTRY_CONFIG.format(folder=folder / "data", port=port))
    server = subprocess.Popen(
        ["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
