"""The image conf: what `dockerTools.streamLayeredImage` says that an image holds.

Shape (JSON object): architecture, config, created, from_image, repo_tag, store_dir, store_layers
(list of lists of store paths), customisation_layer (a store path holding `layer.tar` and
`checksum`); optional: os, mtime, uid, gid, uname, gname. The older generation has no `mtime`
(`created` serves) and may lack the owner, which then is root.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nixgen.closure.references import hash_of
from nixgen.errors import BuildError, Problem, UsageError
from nixgen.oci.store import StoreRoot, holder_of, is_store_path
from nixgen.oci.tarheader import Ownership
from nixgen.strictjson import object_once, refuse_constant

# why: overlay file systems, and so the engines, stop at 127 or 128 layers.
MAX_LAYERS = 127
_ID = re.compile(r"[0-9]{1,10}")
# why: a config larger than this is refused by who reads images, nixgen among them.
_MAX_BYTES = 16 << 20

_REQUIRED = (
    "architecture",
    "config",
    "created",
    "customisation_layer",
    "from_image",
    "repo_tag",
    "store_dir",
    "store_layers",
)
_OPTIONAL = ("gid", "gname", "mtime", "os", "uid", "uname")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConf:
    """One image as Nix describes it.

    `config` is the runtime configuration as the OCI image configuration spells it (`Entrypoint`,
    `Env`, …), a tree of plain JSON values:
    https://github.com/opencontainers/image-spec/blob/main/config.md#properties.
    `created` is in UTC. `ownership` is what every entry of the store layers gets. `from_image` is
    the absolute path of a base image: a docker-archive, compressed or not, or one unpacked.
    `absent` are absolute paths of the image that are left out, with all below them, none of them
    a store path itself. `cuts` are pairs of store paths: in the files of the first, the hash of
    the second is overwritten.
    """

    architecture: str
    os: str
    config: Mapping[str, Any]
    created: datetime
    ownership: Ownership
    store_dir: str
    store_layers: tuple[tuple[str, ...], ...]
    customisation_layer: str
    repo_tag: str
    from_image: str | None = None
    absent: frozenset[str] = frozenset()
    cuts: tuple[tuple[str, str], ...] = ()

    def cut_hashes(self, store_path: str) -> tuple[bytes, ...]:
        """The hashes that are overwritten in the files of a store path."""
        return tuple(hash_of(target) for source, target in self.cuts if source == store_path)

    @property
    def partial_store_paths(self) -> frozenset[str]:
        """The store paths of which something is left out or cut: they can't be used in place."""
        touched = {holder_of(name) for name in self.absent} | {source for source, _ in self.cuts}
        return frozenset(self.store_paths) & touched

    @property
    def store_paths(self) -> tuple[str, ...]:
        """Every store path of the store layers, in layer order."""
        return tuple(path for layer in self.store_layers for path in layer)


def read_conf(path: Path, *, store: StoreRoot) -> ImageConf:
    """Read a conf.json; `path` may be a store path, which is then looked up under `store`.

    Raises UsageError where the file can't be read, BuildError naming every fault in it.
    """
    place = store.physical(str(path)) if str(path).startswith("/nix/store/") else path
    try:
        with place.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"can't read the image conf {path}: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"{path} is no image conf: it is larger than {_MAX_BYTES >> 20} MiB")
    return parse_conf(data, source=str(path))


def parse_conf(data: bytes, *, source: str) -> ImageConf:
    """Parse the bytes of a conf.json; `source` names it in errors. Raises BuildError."""
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=object_once,
            parse_constant=refuse_constant,
            parse_float=_finite,
        )
        data.decode("utf-8").encode("utf-8")
        _refuse_surrogates(document)
    except (ValueError, RecursionError) as error:
        raise BuildError(f"{source} is not a JSON document in UTF-8: {error}") from error
    if not isinstance(document, dict):
        raise BuildError(f"{source} is not a JSON object")
    return _Reader(document, source).conf()


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _refuse_surrogates(document: Any) -> None:
    # why: "\ud800" alone is JSON but no text; the config's bytes could not be written.
    json.dumps(document, ensure_ascii=False).encode("utf-8")


class _Reader:
    """Collects every fault of one document, then raises once."""

    def __init__(self, document: dict[str, Any], source: str) -> None:
        self._document = document
        self._source = source
        self._problems: list[Problem] = []

    def conf(self) -> ImageConf:
        self._names()
        store_dir = self._text("store_dir", "/nix/store").rstrip("/")
        created = self._time("created")
        conf = ImageConf(
            architecture=self._text("architecture", ""),
            os=self._text("os", "linux"),
            config=self._config(),
            created=created,
            ownership=self._ownership(created),
            store_dir=store_dir,
            store_layers=self._store_layers(store_dir),
            customisation_layer=self._customisation_layer(store_dir),
            repo_tag=self._text("repo_tag", ""),
            from_image=self._base(),
        )
        if self._problems:
            raise BuildError("the image conf is not usable", problems=self._problems)
        return conf

    def _fault(self, key: str, message: str, hint: str | None = None) -> None:
        self._problems.append(Problem(message=message, file=self._source, key=key, hint=hint))

    def _names(self) -> None:
        for name in sorted(self._document):
            if name not in _REQUIRED and name not in _OPTIONAL:
                self._fault(name, "unknown field", "this nixgen does not know what it means")
        for name in _REQUIRED:
            if name not in self._document:
                self._fault(name, "missing")

    def _text(self, key: str, default: str) -> str:
        value = self._document.get(key, default)
        if isinstance(value, str) and "\0" not in value and (value or key not in self._document):
            return value
        self._fault(key, f"expected a text that is not empty, got {_kind(value)}")
        return default

    def _number(self, key: str) -> int:
        # why: nixpkgs writes uid and gid as strings ("0").
        value = self._document.get(key, 0)
        if isinstance(value, str) and _ID.fullmatch(value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32:
            return value
        self._fault(key, f"expected a number from 0 to {(1 << 32) - 1}, got {value!r}")
        return 0

    def _time(self, key: str) -> datetime:
        epoch = datetime.fromtimestamp(1, UTC)
        value = self._document.get(key)
        if key not in self._document:
            return epoch
        if value == "now":
            hint = "set it to a fixed time: '1970-01-01T00:00:01Z' is the default"
            self._fault(key, "'now' would make every build another image", hint)
            return epoch
        try:
            if not isinstance(value, str):
                raise TypeError
            time = datetime.fromisoformat(value)
            # why: the rival takes a time without offset as local; its sandbox runs in UTC.
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        except (TypeError, ValueError, OverflowError):
            self._fault(key, f"expected an ISO 8601 time, got {value!r}")
            return epoch

    def _ownership(self, created: datetime) -> Ownership:
        mtime = self._time("mtime") if "mtime" in self._document else created
        return Ownership(
            mtime=int(mtime.timestamp()),
            uid=self._number("uid"),
            gid=self._number("gid"),
            uname=self._owner("uname"),
            gname=self._owner("gname"),
        )

    def _owner(self, key: str) -> str:
        # why: an empty name is one that dockerTools takes.
        return "" if self._document.get(key) == "" else self._text(key, "root")

    def _base(self) -> str | None:
        if self._document.get("from_image") is None:
            return None
        path = self._text("from_image", "")
        if path and not path.startswith("/"):
            self._fault("from_image", f"expected an absolute path, got {path!r}")
        return path

    def _store_layers(self, store_dir: str) -> tuple[tuple[str, ...], ...]:
        layers = self._document.get("store_layers", [])
        if not isinstance(layers, list) or not all(isinstance(layer, list) for layer in layers):
            self._fault("store_layers", f"expected a list of lists, got {_kind(layers)}")
            return ()
        if len(layers) >= MAX_LAYERS:
            self._fault(
                "store_layers",
                f"{len(layers) + 1} layers, engines run at most {MAX_LAYERS}",
                "lower maxLayers",
            )
        seen: dict[str, str] = {}
        for number, layer in enumerate(layers):
            for place, path in enumerate(layer):
                self._store_path(f"store_layers[{number}][{place}]", path, store_dir, seen)
        return tuple(tuple(str(path) for path in layer) for layer in layers)

    def _store_path(self, key: str, path: Any, store_dir: str, seen: dict[str, str]) -> None:
        if not isinstance(path, str) or not is_store_path(path, store_dir):
            self._fault(key, f"expected a store path in {store_dir}, got {path!r}")
        elif path in seen:
            self._fault(key, f"{path} already stands in {seen[path]}")
        else:
            seen[path] = key

    def _customisation_layer(self, store_dir: str) -> str:
        path = self._text("customisation_layer", "")
        if path and not is_store_path(path, store_dir):
            self._fault("customisation_layer", f"expected a store path in {store_dir}")
        return path

    def _config(self) -> Mapping[str, Any]:
        config = self._document.get("config", {})
        # why: nixpkgs writes null where the caller gave no config.
        if config is None:
            return {}
        if not isinstance(config, dict):
            self._fault("config", f"expected an object, got {_kind(config)}")
            return {}
        for name, expected in find_config_faults(config):
            self._fault(f"config.{name}", expected)
        return {name: value for name, value in config.items() if value is not None}


def find_config_faults(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What in a runtime configuration is not of its shape: (key, what was expected), sorted."""
    return [
        (name, f"expected {shape[0]}, got {_kind(value)}")
        for name, value in sorted(config.items())
        if (shape := _CONFIG_SHAPES.get(name)) and value is not None and not shape[1](value)
    ]


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    words = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return f"{words.get(type(value), 'something else')}: {json.dumps(value)[:60]}"


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_set(value: Any) -> bool:
    return isinstance(value, dict) and all(item == {} for item in value.values())


def _is_labels(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


_TEXT = ("a text", lambda value: isinstance(value, str))
_CONFIG_SHAPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "User": _TEXT,
    "WorkingDir": _TEXT,
    "StopSignal": _TEXT,
    "Env": ("a list of texts", _is_texts),
    "Entrypoint": ("a list of texts", _is_texts),
    "Cmd": ("a list of texts", _is_texts),
    "ExposedPorts": ("an object of empty objects", _is_set),
    "Volumes": ("an object of empty objects", _is_set),
    "Labels": ("an object of texts", _is_labels),
    "Healthcheck": ("an object", lambda value: isinstance(value, dict)),
}
