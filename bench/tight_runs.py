"""What looking for references adds to writing an image: 600 MB, all of it searched to the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.writer_runs import run_nixgen
from bench.writer_stores import CASES, make_confs
from nixgen.closure.rules import Minimising
from nixgen.oci import ImageConf, StoreRoot, read_conf
from nixgen.oci.trimming import trim
from nixgen.pipeline.memory import Memory
from nixgen.pipeline.trimming import remembering

_REFERENCES = 3


@dataclass(frozen=True, kw_only=True)
class TightRun:
    """Seconds: rules and search at first, again with what is remembered, and writing, cold."""

    first_s: float
    again_s: float
    write_s: float


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

    first_s = _timed(cut_down)
    memory = Memory.of(memory.as_json(str), str)
    return TightRun(
        first_s=first_s,
        again_s=_timed(cut_down),
        write_s=_timed(lambda: run_nixgen(conf, folder, "gzip")),
    )


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
