"""What looking for references adds to writing an image: 600 MB, all of it searched to the end."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.writer_runs import COMPRESSORS, run_nixgen
from bench.writer_stores import CASES, make_confs
from nixgen.closure.rules import Minimising
from nixgen.oci import ImageConf, StoreRoot, read_conf
from nixgen.oci.trimming import trim
from nixgen.pipeline.memory import Memory
from nixgen.pipeline.trimming import remembering

_REFERENCES = 3


@dataclass(frozen=True, kw_only=True)
class TightRun:
    """Seconds of rules and search at first, and again with what is remembered.

    `first_cpu_s` are of the processor; all of it is one thread. `cold_s` and `warm_s` are those of
    writing, by compression, with an empty layer cache and with all layers in it.
    """

    first_s: float
    first_cpu_s: float
    again_s: float
    cold_s: Mapping[str, float]
    warm_s: Mapping[str, float]


def prepare(folder: Path) -> ImageConf:
    """A closure of 600 MB in 12,000 files, whose references stand in none of its files."""
    return read_conf(make_confs(CASES[0], folder).first, store=StoreRoot())


def run(conf: ImageConf, folder: Path) -> TightRun:
    """One turn; `folder` is empty."""
    store = StoreRoot()
    rules = Minimising(mode="tight", keep_paths=("*",))
    paths = conf.store_paths
    references = {path: [one for one in paths if one != path][:_REFERENCES] for path in paths}
    memory: Memory[str] = Memory()

    def cut_down() -> None:
        look = remembering(memory, store)
        trim(conf, rules, references=references, store=store, look=look)

    before_cpu_s = time.process_time()
    first_s = _timed(cut_down)
    first_cpu_s = time.process_time() - before_cpu_s
    memory = Memory.of(memory.as_json(str), str)
    again_s = _timed(cut_down)
    cold_s, warm_s = {}, {}
    for compression in COMPRESSORS:
        place = folder / compression
        place.mkdir()
        cold_s[compression] = _timed(lambda: run_nixgen(conf, place, compression))  # noqa: B023
        shutil.rmtree(place / "out.oci")
        warm_s[compression] = _timed(lambda: run_nixgen(conf, place, compression))  # noqa: B023
        shutil.rmtree(place)
    return TightRun(
        first_s=first_s, first_cpu_s=first_cpu_s, again_s=again_s, cold_s=cold_s, warm_s=warm_s
    )


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
