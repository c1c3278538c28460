"""What concerns the store: adding to it, asking it, keeping and freeing paths of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nixgen.digest import Digest
from nixgen.errors import HashMismatchError, MachineError, NixgenError
from nixgen.nixcli.calls import NixCalls
from nixgen.nixcli.settings import option_arguments
from nixgen.nixcli.shapes import Derivation, PathInfo, parse_derivations, parse_path_infos
from nixgen.nixcli.storepath import StorePath, fixed_output_path
from nixgen.nixcli.version import NixVersion

_PATHS_A_CALL = 1000
_DERIVATION_SHOW_SINCE = NixVersion(2, 17)
_STORE_INFO_SINCE = NixVersion(2, 19)
_CONFIG_SHOW_SINCE = NixVersion(2, 20)
_JSON_FORMAT_SINCE = NixVersion(2, 33)
_NO_LOG = "is not available"
_FREED = re.compile(r"(\d+) store paths deleted, ([0-9.]+) (\w+) freed")
_UNIT_BYTES = {"bytes": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTree:
    """A file or folder in the store, and the digest of its NAR serialisation."""

    store_path: StorePath
    nar_hash: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a garbage collection freed; `freed_bytes` as Nix rounds it."""

    paths: int
    freed_bytes: int


class NixStore(NixCalls):
    """The store; `Nix` is what callers use."""

    def add_tree(self, path: Path, name: str = "source") -> StoreTree:
        """Copy a file or folder into the store, under the hash of its NAR serialisation.

        Kept are contents, names, symlinks and the execute bits; nothing else gets in. Only a
        tree named `source` can be fetched in pure evaluation by its hash when the store is in
        another root: Nix 2.8 looks for others outside of it.
        """
        path = path.absolute()
        if path.name == name:
            return self.add_trees([path])[0]
        added = self._text("nix", "store", "add-path", "--name", name, str(path))
        return self._trees([StorePath.parse(added)])[0]

    def add_trees(self, paths: Sequence[Path]) -> list[StoreTree]:
        """Copy several files or folders into the store under their own names; in their order.

        why: one process adds them all; `add-path`, which alone takes a name, needs the memory
        that this one, which streams, does not.
        """
        places = [str(path.absolute()) for path in paths]
        added = self._text("nix-store", "--add-fixed", "--recursive", "sha256", *places)
        return self._trees([StorePath.parse(line) for line in added.splitlines()])

    def _trees(self, paths: Sequence[StorePath]) -> list[StoreTree]:
        hashes = {info.path: info.nar_hash for info in self.path_info(paths)}
        return [StoreTree(store_path=path, nar_hash=hashes[path]) for path in paths]

    def add_flat_file(self, path: Path, name: str, sha256: Digest) -> StorePath:
        """Copy a file into the store, as the output of a fixed-output derivation has it.

        A derivation of this name and this (flat) hash is valid then, and never fetches. Raises
        HashMismatchError, adding nothing, when the file has another hash.
        """
        path = path.absolute()
        found = Digest.of_file(path)
        if found != sha256:
            raise _mismatch(path, sha256, found)
        wanted = fixed_output_path(name, sha256, recursive=False)
        if path.name == name:
            added = self._text("nix-store", "--add-fixed", "sha256", str(path))
        else:
            added = self._text("nix", "store", "add-file", "--name", name, str(path))
        if added != str(wanted):
            raise MachineError(f"Nix put {path} at {added}; {wanted} was expected")
        return wanted

    def add_recursive(self, path: Path, name: str, nar_hash: Digest) -> StorePath:
        """Copy a file or folder into the store, as a recursive fixed-output derivation has it.

        Raises HashMismatchError when its NAR serialisation has another hash than `nar_hash`.
        """
        tree = self.add_tree(path, name)
        if tree.nar_hash != nar_hash:
            raise _mismatch(path, nar_hash, tree.nar_hash)
        return tree.store_path

    def is_valid(self, paths: Iterable[StorePath]) -> set[StorePath]:
        """Those of `paths` that are in the store."""
        wanted = sorted(set(paths))
        invalid: set[StorePath] = set()
        for batch in _batches(wanted):
            printed = self._text("nix-store", "--check-validity", "--print-invalid", *batch)
            invalid.update(StorePath.parse(line) for line in printed.splitlines())
        return set(wanted) - invalid

    def path_info(self, paths: Iterable[StorePath], *, recursive: bool = False) -> list[PathInfo]:
        """What the store knows of valid paths, with `recursive` of all they need; by path.

        Raises MachineError for a path that is not valid.
        """
        wanted = sorted(set(paths))
        flags = ["--recursive"] if recursive else []
        if self.version >= _JSON_FORMAT_SINCE:
            flags += ["--json-format", "1"]
        infos: dict[StorePath, PathInfo] = {}
        for batch in _batches(wanted):
            answer = self._json("path-info", "--json", *flags, *batch)
            infos.update((info.path, info) for info in parse_path_infos(answer))
        missing = [str(path) for path in wanted if path not in infos]
        if missing:
            raise MachineError(f"not in the store: {', '.join(missing)}")
        return [infos[path] for path in sorted(infos)]

    def closure(self, path: StorePath) -> list[PathInfo]:
        """The requisites of a valid path, itself among them, by path."""
        return self.path_info([path], recursive=True)

    def show_derivation(self, path: StorePath) -> Derivation:
        """A derivation that is in the store."""
        return parse_derivations(self._json(*self._show, str(path)))[path]

    def build_graph(self, paths: Iterable[StorePath]) -> dict[StorePath, Derivation]:
        """These derivations and all those that they are built from, by path."""
        wanted = [str(path) for path in sorted(set(paths))]
        return parse_derivations(self._json(*self._show, "--recursive", *wanted))

    @property
    def _show(self) -> list[str]:
        newer = self.version >= _DERIVATION_SHOW_SINCE
        return ["derivation", "show"] if newer else ["show-derivation"]

    def log(self, path: StorePath) -> str | None:
        """The whole build log of a derivation, or of the one that made an output; or None."""
        try:
            done, _ = self._call("nix", "log", str(path))
        except NixgenError as error:
            if _NO_LOG in error.message:
                return None
            raise
        return done.stdout.decode(errors="replace")

    def delete_roots(self, links: Iterable[Path]) -> None:
        """Let paths go that these symlinks kept; one that is not there is no error."""
        for link in links:
            if link.is_symlink():
                link.unlink()

    def gc(self) -> Collected:
        """Delete every path of the store that no root keeps."""
        done, activities = self._call("nix-store", "--gc")
        printed = [done.stdout.decode(errors="replace"), *activities.plain, *activities.listing]
        for text in printed:
            if match := _FREED.search(text):
                freed = float(match[2]) * _UNIT_BYTES.get(match[3], 1)
                return Collected(paths=int(match[1]), freed_bytes=int(freed))
        return Collected(paths=0, freed_bytes=0)

    def is_trusted(self) -> bool | None:
        """Whether the daemon trusts this user with its settings; None where Nix does not tell."""
        if self.version < _STORE_INFO_SINCE:
            return None
        answer = self._json("store", "info", "--json")
        trusted = answer.get("trusted") if isinstance(answer, dict) else None
        return bool(trusted) if trusted is not None else None

    def show_config(self) -> dict[str, object]:
        """The settings in force for this client by name; a daemon may go by others."""
        newer = self.version >= _CONFIG_SHOW_SINCE
        answer = self._json(*(["config", "show"] if newer else ["show-config"]), "--json")
        return {
            name: setting["value"]
            for name, setting in sorted(answer.items())
            if isinstance(setting, dict) and "value" in setting
        }

    def unreachable(self, store: str, *, timeout_s: float) -> str | None:
        """What keeps this machine from the store at a URL, in one line; None where nothing does.

        Logging in to another machine asks nobody for a password.
        """
        newer = self.version >= _STORE_INFO_SINCE
        command = ["store", "info" if newer else "ping", "--store", store]
        argv = [self._program("nix"), *command, *option_arguments(self.settings, self.access)]
        env = {**self._env, "NIX_SSHOPTS": "-o BatchMode=yes -o ConnectTimeout=5"}
        try:
            done = self._runner(argv, env=env, timeout_s=timeout_s)
        except NixgenError as error:
            return error.message
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        if done.exit_code == 0:
            return None
        return lines[-1].removeprefix("error: ") if lines else "it does not answer"

    def physical_path(self, path: StorePath) -> Path:
        """Where the file or folder lies on this machine; raises MachineError if elsewhere."""
        root = self.access.root
        if root is None:
            raise MachineError(
                f"the store {self.access.store_url} is not on this machine",
                hint="use a store whose files can be read here",
            )
        return root / str(path).lstrip("/")


def _batches(paths: Sequence[StorePath]) -> Iterator[list[str]]:
    for start in range(0, len(paths), _PATHS_A_CALL):
        yield [str(path) for path in paths[start : start + _PATHS_A_CALL]]


def _mismatch(path: Path, expected: Digest, found: Digest) -> HashMismatchError:
    return HashMismatchError(
        f"{path} does not have the hash it is pinned by\n"
        f"  expected: {expected.sri}\n  got:      {found.sri}"
    )
