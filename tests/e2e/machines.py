"""Machines of other kinds for whole runs of the command line: their stores, and who reads what."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from nixgen.cli.options import make_request
from nixgen.nixcli import Nix
from nixgen.pipeline.prepare import prepare
from nixgen.pipeline.realise import evaluate
from tests.e2e.conftest import ROOT

NO_CACHE = ("--no-cache", "--json")


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder no parent of which everybody can write: Nix refuses stores elsewhere."""
    with tempfile.TemporaryDirectory(prefix=".nixgen-test-", dir=Path.home()) as folder:
        yield Path(folder)


def build_inputs(project: Path, *platforms: str) -> list[str]:
    """What this machine's store holds of what the image is built from, but nothing of the app.

    The project must have been built here. The result is closed under references.
    """
    nix = Nix()
    evaluated = evaluate(prepare(make_request(project, platforms=platforms), nix), nix)
    derivations = [str(target.drv_path) for target in evaluated.targets]
    listed = _stdout(["nix-store", "--query", "--requisites", "--include-outputs", *derivations])
    name = evaluated.prepared.plan.app_name
    return sorted(
        path for path in listed.split() if not path.endswith(".drv") and not _is_of_app(path, name)
    )


def _is_of_app(path: str, app_name: str) -> bool:
    name = path.partition("-")[2]
    return name.startswith((app_name, "entry", "layer-tar"))


def registration(paths: Sequence[str]) -> bytes:
    """What `load_paths` needs to know of paths of this machine's store."""
    return subprocess.run(
        ["nix-store", "--dump-db", *paths], check=True, capture_output=True
    ).stdout


def copy_paths(paths: Sequence[str], root: Path) -> None:
    """Put the files of store paths below another root, as hard links where that can be."""
    store = root / "nix/store"
    store.mkdir(parents=True, exist_ok=True)
    for options in ("-al", "-a"):
        done = subprocess.run(["cp", options, *paths, str(store)], check=False, capture_output=True)
        if done.returncode == 0:
            return
    raise AssertionError(done.stderr.decode())


def load_paths(registered: bytes, *, store: Path | None = None) -> None:
    """Have a store take the copied paths for valid: the one at /nix, or that of a root."""
    where = [] if store is None else ["--option", "store", str(store)]
    argv = ["nix-store", "--load-db", *where, "--option", "build-users-group", ""]
    subprocess.run(argv, input=registered, check=True, capture_output=True)


def open_to_all(*paths: Path, below: Path) -> None:
    """Let every user of this mount namespace reach the paths: closed folders above them give way.

    Such a folder (a root user's home, mostly) then shows nothing but the paths; the whole of it
    is still mounted `below` a folder.
    """
    closed: dict[Path, list[Path]] = {}
    for path in paths:
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & stat.S_IXOTH:
                closed.setdefault(parent, []).append(path)
                break
    for parent, inner in closed.items():
        hidden = Path(tempfile.mkdtemp(prefix="hidden-", dir=below))
        _mount("--bind", str(parent), str(hidden))
        _mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(parent))
        for path in inner:
            path.mkdir(parents=True, exist_ok=True)
            _mount("--bind", str(hidden / path.relative_to(parent)), str(path))


def open_nixgen_to_all(folder: Path) -> None:
    """Let every user of this mount namespace start nixgen from this checkout."""
    paths = {Path(place).resolve() for place in (sys.prefix, sys.base_prefix, ROOT)}
    open_to_all(*sorted(paths), below=folder)


def run_nixgen(*arguments: str, environ: Mapping[str, str]) -> dict[str, object]:
    """`nixgen ARGUMENTS` as this process's user, as data that JSON can hold."""
    done = subprocess.run(
        [sys.executable, "-m", "nixgen", *arguments],
        env={"PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return {"exit_code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def path_variable() -> str:
    """The PATH on which this process finds programs."""
    return os.environ["PATH"]


def _stdout(argv: Sequence[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
