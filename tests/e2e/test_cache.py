"""The layer cache under bad luck: many runs at once, no room, no rights, a clock that goes back."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from nixgen.digest import Digest
from tests.e2e.conftest import ROOT, Cli, Outcome
from tests.e2e.test_faults import small_disk
from tests.layouts import read_layout
from tests.unit.oci.synthetic import SyntheticStore

_RUNS = 8


class Confs:
    """Confs whose images share a layer and have one of their own each."""

    def __init__(self, folder: Path, cli: Cli) -> None:
        self.folder = folder
        self.cli = cli
        self.cache = folder / "cache"
        synthetic = SyntheticStore(folder / "root")
        noise = random.Random(1)
        shared = synthetic.add_tree("shared", {str(n): noise.randbytes(50_000) for n in range(40)})
        for number in range(3):
            own = synthetic.add_tree(f"own-{number}", {"file": noise.randbytes(500_000)})
            custom = synthetic.add_customisation({".": None}, name=f"custom-{number}")
            document = synthetic.document([[shared], [own]], custom)
            (folder / f"{number}.json").write_text(json.dumps(document))

    @property
    def place(self) -> Path:
        return self.cache / "nixgen" / "layers" / "v1"

    def arguments(self, number: int, output: Path) -> tuple[str | Path, ...]:
        conf = self.folder / f"{number}.json"
        return ("write", conf, "--store", self.folder / "root", "-o", output, "--json")

    def write(self, number: int, *more: str, **environment: str) -> Outcome:
        """Write one to its place; the digest is checked by reading the image."""
        output = self.folder / f"{number}.oci"
        arguments = (*self.arguments(number, output), *more)
        outcome = self.cli(*arguments, XDG_CACHE_HOME=str(self.cache), **environment)
        assert outcome.exit_code == 0, outcome.stderr
        layout = read_layout(output)
        layout.verify_layers()
        assert str(layout.digest) == outcome.document["digest"]
        return outcome

    def check_blobs(self) -> None:
        for blob in self.place.glob("blobs/*"):
            assert Digest.of_file(blob).hex == blob.name


@pytest.fixture
def confs(tmp_path: Path, cli: Cli) -> Confs:
    return Confs(tmp_path, cli)


def test_runs_of_equal_and_other_images_share_a_cache_while_it_is_pruned(confs: Confs) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(confs.cache)}
    expected = [confs.write(number).document["digest"] for number in range(3)]
    prune = ("cache", "prune", "--max-size", "0", "--json")
    calls = [confs.arguments(n % 3, confs.folder / f"run-{n}.oci") for n in range(_RUNS)]
    calls = [call for pair in zip(calls, [prune] * _RUNS, strict=True) for call in pair]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "nixgen", *map(str, call)],
            env={**environment, "NIXGEN_CACHE_MAX_SIZE": "1MB"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for call in calls
    ]
    digests: Counter[str] = Counter()
    for process, call in zip(running, calls, strict=True):
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr.decode()
        if call is not prune:
            assert stderr == b""
            digests[json.loads(stdout)["digest"]] += 1
    assert digests == {expected[0]: 3, expected[1]: 3, expected[2]: 2}
    for number in range(_RUNS):
        read_layout(confs.folder / f"run-{number}.oci").verify_layers()
    confs.check_blobs()
    assert list(confs.place.glob("tmp/*")) == []


def test_a_cache_that_fills_up_is_done_without_and_keeps_what_it_has(confs: Confs) -> None:
    plain = [confs.write(number, "--no-cache").document["digest"] for number in range(3)]
    confs.cache.mkdir()
    with small_disk(confs.cache / "nixgen", "3M"):
        for turn in range(2):
            for number in range(3):
                outcome = confs.write(number)
                assert outcome.document["digest"] == plain[number]
                full = "nothing more goes into the layer cache" in outcome.stderr
                assert not full or "No space left" in outcome.stderr
            assert list(confs.place.glob("tmp/*")) == [], turn
        assert full
        confs.check_blobs()


def test_a_cache_that_is_read_only_still_serves(confs: Confs) -> None:
    confs.cache.mkdir()
    with small_disk(confs.cache / "nixgen", "16M") as disk:
        first = confs.write(0)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        again = confs.write(0, "--verify-cache")
        assert (again.document["digest"], again.stderr) == (first.document["digest"], "")
        other = confs.write(1)
        assert "nothing more goes into the layer cache" in other.stderr
        assert "Read-only file system" in other.stderr
        pruned = confs.cli("cache", "prune", "--max-size", "0", XDG_CACHE_HOME=str(confs.cache))
        assert pruned.exit_code == 3
        assert "Read-only file system" in pruned.stderr


def test_a_cache_of_another_user_is_not_believed(confs: Confs) -> None:
    digest = confs.write(0).document["digest"]
    os.chown(confs.place, 12345, 12345)
    before = sorted(path.name for path in confs.place.rglob("*"))
    outcome = confs.write(0)
    assert outcome.document["digest"] == digest
    assert "is another user's: it is not used" in outcome.stderr
    assert sorted(path.name for path in confs.place.rglob("*")) == before


def test_a_cache_behind_a_link_serves(confs: Confs) -> None:
    (confs.folder / "elsewhere").mkdir()
    confs.cache.symlink_to("elsewhere")
    confs.write(0)
    blobs = {path: path.stat().st_mtime_ns for path in confs.place.glob("blobs/*")}
    outcome = confs.write(0)
    assert outcome.stderr == ""
    assert {path: path.stat().st_mtime_ns for path in confs.place.glob("blobs/*")} == blobs
    assert blobs


def test_a_clock_that_goes_back_spoils_nothing(confs: Confs) -> None:
    digest = confs.write(0).document["digest"]
    future = time.time() + 10 * 365 * 86_400
    for path in confs.place.glob("entries/*"):
        os.utime(path, (future, future))
    assert confs.write(0).document["digest"] == digest
    assert all(path.stat().st_mtime <= time.time() for path in confs.place.glob("entries/*"))
    for path in confs.place.glob("entries/*"):
        os.utime(path, (future, future))
    environment = {"XDG_CACHE_HOME": str(confs.cache)}
    info = confs.cli("cache", "info", "--json", **environment)
    assert info.document["layers"] == 3
    kept = confs.cli("cache", "prune", "--older-than", "1d", "--json", **environment)
    assert kept.document["removed_layers"] == 0
    gone = confs.cli("cache", "prune", "--max-size", "0", "--json", **environment)
    assert gone.document["removed_layers"] == 3


def test_the_users_bound_holds_after_each_run(confs: Confs) -> None:
    confs.write(0)
    confs.write(1, NIXGEN_CACHE_MAX_SIZE="3MB")
    sizes = [path.stat().st_size for path in confs.place.glob("blobs/*")]
    assert 2_000_000 < sum(sizes) <= 3_000_000
    confs.write(1, NIXGEN_CACHE_MAX_SIZE="0")
    assert list(confs.place.glob("blobs/*")) == []
