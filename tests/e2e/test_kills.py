"""Killed at any moment: the old result or a whole new one, a sound cache, and no litter for long.

The seed of a failing run is in its output; `NIXGEN_TEST_SEED=…` repeats it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.oci.reference import ImagePlace
from tests.e2e.conftest import EXAMPLES, Cli, change
from tests.e2e.killing import kill_at_random, measure
from tests.unit.oci.synthetic import SyntheticStore

_FORMS = ("oci", "oci-archive", "docker-archive")


class Victim(ABC):
    """A command to kill. `version` 0 and 1 give different results at the same place."""

    def __init__(self, folder: Path, cli: Cli) -> None:
        self.folder = folder
        self.cli = cli
        self.environment = {
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_STATE_HOME": str(folder / "state"),
            "TMPDIR": str(folder / "tmp"),
        }
        self.results = folder / "results"
        for name in ("results", "tmp"):
            (folder / name).mkdir()

    @abstractmethod
    def arguments(self, version: int, form: str) -> tuple[str, ...]:
        """The command line."""

    @property
    def place(self) -> Path:
        return self.results / "image"

    def run(self, version: int, form: str) -> str:
        """Run it whole; gives the digest."""
        outcome = self.cli(*self.arguments(version, form), "--json", **self.environment)
        assert outcome.exit_code == 0, outcome.stderr
        return str(outcome.document["digest"])

    def clear(self) -> None:
        if self.place.is_dir():
            shutil.rmtree(self.place)
        else:
            self.place.unlink(missing_ok=True)


class Write(Victim):
    def __init__(self, folder: Path, cli: Cli) -> None:
        super().__init__(folder, cli)
        synthetic = SyntheticStore(folder / "root")
        noise = random.Random(1)
        shared = synthetic.add_tree("shared", {str(n): noise.randbytes(90_000) for n in range(60)})
        for version in (0, 1):
            own = synthetic.add_tree(f"own-{version}", {"file": noise.randbytes(3_000_000)})
            custom = synthetic.add_customisation({".": None}, name=f"custom-{version}")
            document = synthetic.document([[shared], [own]], custom)
            (folder / f"{version}.json").write_text(json.dumps(document))

    def arguments(self, version: int, form: str) -> tuple[str, ...]:
        conf = str(self.folder / f"{version}.json")
        store = ("--store", str(self.folder / "root"))
        return ("write", conf, *store, "-f", form, "-o", str(self.place), "--compression", "gzip")


class Copy(Write):
    def __init__(self, folder: Path, cli: Cli) -> None:
        super().__init__(folder, cli)
        for version in (0, 1):
            self.source(version).parent.mkdir(exist_ok=True)
            written = super().arguments(version, "oci")
            to = written.index("-o") + 1
            made = (*written[:to], str(self.source(version)), *written[to + 1 :])
            assert cli(*made, **self.environment).exit_code == 0

    def source(self, version: int) -> Path:
        return self.folder / "sources" / str(version)

    def arguments(self, version: int, form: str) -> tuple[str, ...]:
        return ("copy", str(self.source(version)), f"{form}:{self.place}")


class Prune(Write):
    def arguments(self, version: int, form: str) -> tuple[str, ...]:
        return ("cache", "prune", "--max-size", "1MB")

    def run(self, version: int, form: str) -> str:
        """Fill the cache, and prune it."""
        arguments = Write.arguments(self, version, form)
        outcome = self.cli(*arguments, "--json", **self.environment)
        assert outcome.exit_code == 0, outcome.stderr
        return str(outcome.document["digest"])


class Image(Victim):
    def __init__(self, folder: Path, cli: Cli) -> None:
        super().__init__(folder, cli)
        for version in (0, 1):
            shutil.copytree(EXAMPLES / "site", folder / f"site-{version}")
        change(folder / "site-1")

    def arguments(self, version: int, form: str) -> tuple[str, ...]:
        return ("image", str(self.folder / f"site-{version}"), "-f", form, "-o", str(self.place))


VICTIMS = {"write": Write, "copy": Copy, "prune": Prune, "image": Image}


def check_result(victim: Victim, form: str, known: set[str]) -> None:
    """What is at the place is one of the known images, every blob hashed; or nothing is."""
    if not victim.place.exists():
        return
    image = ImagePlace.parse(f"{form}:{victim.place}").open()
    for each in image.images:
        for layer in each.layers:
            with image.open_blob(layer.descriptor) as blob:
                while blob.read(1 << 20):
                    pass
    digest = image.images[0].config_digest if form == "docker-archive" else image.top.digest
    assert str(digest) in known


def check_cache(victim: Victim) -> None:
    """Every entry that is there names a blob with its digest, or none."""
    cache = victim.folder / "cache" / "nixgen" / "layers" / "v1"
    for entry in cache.glob("entries/*"):
        digest = json.loads(entry.read_bytes())["digest"]
        blob = cache / "blobs" / Digest.parse(digest).hex
        assert not blob.exists() or str(Digest.of_file(blob)) == digest


def kills(victim: Victim, forms: tuple[str, ...], number: int, seed: int) -> None:
    source = random.Random(seed)
    print("seed", seed)
    for form in forms:
        expected = [victim.run(version, form) for version in (0, 1)]
        # why: from the state that the killed runs will start in.
        victim.run(0, form)
        extent = measure(
            victim.arguments(1, form), work=victim.folder, environment=victim.environment
        )
        for turn in range(-(-number // len(forms))):
            if source.random() < 0.3:
                victim.clear()
            version = source.randrange(2)
            if source.random() < 0.3:
                shutil.rmtree(victim.folder / "cache", ignore_errors=True)
            moment = kill_at_random(
                victim.arguments(version, form),
                extent,
                source,
                work=victim.folder,
                environment=victim.environment,
            )
            print("kill", form, turn, "at", moment)
            check_result(victim, form, set(expected))
            check_cache(victim)
            if source.random() < 0.3:
                assert victim.run(version, form) == expected[version]
        for version in (0, 1):
            assert victim.run(version, form) == expected[version]
            check_result(victim, form, {expected[version]})
        assert [path.name for path in victim.results.iterdir()] == ["image"]
        assert list((victim.folder / "tmp").iterdir()) == []
        assert list((victim.folder / "cache").glob("nixgen/layers/v1/tmp/*")) == []
        victim.clear()


def _seed() -> int:
    return int(os.environ.get("NIXGEN_TEST_SEED") or random.randrange(1 << 32))


@pytest.mark.parametrize(
    ("name", "form"),
    [("write", "oci"), ("copy", "docker-archive"), ("prune", "oci-archive"), ("image", "oci")],
)
def test_some_kills(name: str, form: str, tmp_path: Path, cli: Cli) -> None:
    kills(VICTIMS[name](tmp_path, cli), (form,), 3, _seed())


@pytest.mark.matrix
@pytest.mark.parametrize("name", VICTIMS)
def test_two_hundred_kills(name: str, tmp_path: Path, cli: Cli) -> None:
    kills(VICTIMS[name](tmp_path, cli), _FORMS, 51, _seed())
