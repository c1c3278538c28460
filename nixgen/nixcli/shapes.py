"""The JSON that Nix prints, in each of its shapes, as values.

`path-info`: Nix 2.8 gives a list of objects with `path`; later an object from path to info, null
for an invalid path; with `--json-format 2` base names. Derivations: up to 2.2x an object from
path to derivation with `inputDrvs` and `inputSrcs`; later `{derivations, version}` with base
names and `inputs: {drvs, srcs}`, and no paths of fixed outputs.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nixgen.digest import Digest
from nixgen.errors import MachineError
from nixgen.nixcli.storepath import STORE_DIR, StorePath

_HEX = re.compile(r"(?:[0-9a-f]{2})+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathInfo:
    """What the store knows of a valid path. `references` are sorted and may hold `path`."""

    path: StorePath
    nar_hash: Digest
    nar_size_bytes: int
    references: tuple[StorePath, ...]
    deriver: StorePath | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedOutput:
    """The hash that a derivation's output is pinned by: `algorithm` as Nix names it, in `hex`.

    `recursive`: of the NAR serialisation, not of the file itself.
    """

    algorithm: str
    hex: str
    recursive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """A derivation as Nix instantiated it.

    `outputs` maps an output's name to its path; `input_derivations` a derivation to the names
    of its outputs that are used. `fixed_output` is the hash that its output is known by before
    it is built, None where it has none.
    """

    path: StorePath
    name: str
    system: str
    builder: str
    args: tuple[str, ...]
    env: Mapping[str, str]
    outputs: Mapping[str, StorePath]
    input_sources: tuple[StorePath, ...]
    input_derivations: Mapping[StorePath, tuple[str, ...]]
    fixed_output: FixedOutput | None = None


def parse_path_infos(data: Any) -> list[PathInfo]:
    """The valid paths in the answer of `nix path-info --json`, sorted by path.

    Raises MachineError when the answer has no known shape.
    """
    with _Shape("nix path-info --json"):
        if isinstance(data, list):
            entries = [(entry["path"], entry) for entry in data]
        elif isinstance(data.get("info"), dict):
            entries = list(data["info"].items())
        else:
            entries = list(data.items())
        infos = {
            _path(path): _path_info(path, entry)
            for path, entry in entries
            if entry is not None and entry.get("valid", True)
        }
        return [infos[path] for path in sorted(infos)]


def parse_derivations(data: Any) -> dict[StorePath, Derivation]:
    """The answer of `nix derivation show`. Raises MachineError when it has no known shape."""
    with _Shape("nix derivation show"):
        entries = data["derivations"] if "derivations" in data and "version" in data else data
        derivations = [_derivation(path, entry) for path, entry in entries.items()]
        return {derivation.path: derivation for derivation in derivations}


def _path_info(path: str, entry: dict[str, Any]) -> PathInfo:
    deriver = entry.get("deriver")
    return PathInfo(
        path=_path(path),
        nar_hash=_nar_hash(entry["narHash"]),
        nar_size_bytes=int(entry["narSize"]),
        references=tuple(sorted(_path(reference) for reference in entry["references"])),
        deriver=_path(deriver) if deriver else None,
    )


def _derivation(path: str, entry: dict[str, Any]) -> Derivation:
    inputs = entry.get("inputs") or {"drvs": entry["inputDrvs"], "srcs": entry["inputSrcs"]}
    parsed = _path(path)
    return Derivation(
        path=parsed,
        name=entry.get("name") or parsed.derivation_name,
        system=str(entry["system"]),
        builder=str(entry["builder"]),
        args=tuple(str(argument) for argument in entry["args"]),
        env=_env(entry),
        outputs=_outputs(entry),
        input_sources=tuple(sorted(_path(source) for source in inputs["srcs"])),
        input_derivations={
            _path(drv): tuple(sorted(used["outputs"] if isinstance(used, dict) else used))
            for drv, used in sorted(inputs["drvs"].items())
        },
        fixed_output=_fixed_output(entry["outputs"]),
    )


def _env(entry: dict[str, Any]) -> dict[str, str]:
    env = {str(name): str(value) for name, value in entry["env"].items()}
    if "structuredAttrs" in entry:
        # why: Nix before 2.30 has them where builders find them.
        env["__json"] = json.dumps(entry["structuredAttrs"], sort_keys=True)
    return env


def _outputs(entry: dict[str, Any]) -> dict[str, StorePath]:
    found = {}
    for name, output in sorted(entry["outputs"].items()):
        # why: since 2.33 a fixed output has its hash only; its path is a variable of the build.
        path = output.get("path") or (entry["env"].get(name) if output.get("hash") else None)
        if path:
            found[name] = _path(path)
    return found


def _fixed_output(outputs: dict[str, Any]) -> FixedOutput | None:
    """Nix 2.8: `hash` in hex and `hashAlgo`, with `r:` before it; later `method`; then SRI."""
    output = outputs.get("out", {})
    if not output.get("hash"):
        return None
    text, algorithm = str(output["hash"]), str(output.get("hashAlgo", ""))
    recursive = algorithm.startswith("r:") or output.get("method", "flat") != "flat"
    if "-" in text:
        algorithm, _, encoded = text.partition("-")
        text = base64.b64decode(encoded, validate=True).hex()
    if not _HEX.fullmatch(text):
        raise ValueError(f"not a hash in hexadecimal: {text!r}")
    return FixedOutput(algorithm=algorithm.removeprefix("r:"), hex=text, recursive=recursive)


def _path(text: str) -> StorePath:
    return StorePath.parse(text if text.startswith("/") else f"{STORE_DIR}/{text}")


def _nar_hash(value: Any) -> Digest:
    if isinstance(value, dict):
        value = f"{value['algorithm']}-{value['hash']}" if "hash" in value else str(value)
    return Digest.parse_sri(value) if "-" in value else Digest.parse(value)


class _Shape:
    """Turns any surprise in the shape of foreign JSON into a MachineError."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, (KeyError, TypeError, ValueError, AttributeError)):
            raise MachineError(
                f"{self._command} answered in an unknown shape: {error!r}",
                hint="nixgen doctor  names the versions of Nix that are known to work",
            ) from error
