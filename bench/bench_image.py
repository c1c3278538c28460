"""`nixgen image` with nothing changed against the bare `nix build` of the same expression.

    python bench/bench_image.py [FOLDER] [--runs N]

Builds the image of a copy of the folder once, then times, turn by turn: `nixgen image`, the same
made anew (`--verify-cache`), `nix build` of the confs and compressors that it asks for,
`nixgen --help` and `nixgen check`. Prints one JSON document: the
median of each in seconds, and whether image ≤ 1.2 * build + 0.2 s.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nixgen.cli.options import make_nix, make_request
from nixgen.nixexpr import format_attribute_path
from nixgen.pipeline.prepare import prepare
from nixgen.pipeline.realise import evaluate

ROOT = Path(__file__).resolve().parents[1]
FEATURES = ("--extra-experimental-features", "nix-command flakes")


def build_command(description: Path) -> list[str]:
    """`nix build` of what `nixgen image` has Nix build."""
    nix = make_nix()
    evaluated = evaluate(prepare(make_request(description), nix), nix)
    attrs = [
        format_attribute_path("images", image.platform.slug, "conf")
        for image in evaluated.prepared.plan.images
    ]
    attrs += [format_attribute_path("compressors", name) for name in evaluated.compressors]
    expression = evaluated.trees.expression()
    return [
        *("nix", "build", *FEATURES, "--no-link", "--pure-eval", "--expr", expression),
        *attrs,
    ]


def timed(argv: list[str]) -> float:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("description", type=Path, nargs="?", default=ROOT / "examples/site")
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    nixgen = [sys.executable, "-m", "nixgen"]
    with tempfile.TemporaryDirectory() as work:
        # why: a run writes a lockfile beside the description.
        project = shutil.copytree(given.description, f"{work}/project")
        image = [*nixgen, "image", project, "-o", f"{work}/image.oci", "-q"]
        commands = {
            "image": image,
            "anew": [*image, "--verify-cache"],
            "build": build_command(Path(project)),
            "help": [*nixgen, "--help"],
            "check": [*nixgen, "check", project],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for name in commands:
            timed(commands[name])
        for _ in range(given.runs):
            for name, argv in commands.items():
                times[name].append(timed(argv))
    median = {name: round(statistics.median(values), 3) for name, values in times.items()}
    bound = 1.2 * median["build"] + 0.2
    print(
        json.dumps(
            {
                "seconds": median,
                "ratio": round(median["image"] / median["build"], 2),
                "bound_s": round(bound, 3),
                "within_bound": median["image"] <= bound,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
