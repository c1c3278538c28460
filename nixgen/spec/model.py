"""What an app description means once it is resolved: `AppSpec`, for one platform and profile.

Everything here is a value: frozen, hashable, in a total order, with every default filled in and
nothing left to interpolate. Paths inside the image are absolute and normalised (`/etc/x`); paths
of the project are relative to the folder of the description.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nixgen.closure.limits import Limits
from nixgen.closure.packages import PackagePattern
from nixgen.digest import Digest
from nixgen.platforms import Platform
from nixgen.spec.tests_model import Pairs, Test

NixArgument = str | int | bool | tuple["NixArgument", ...]
"""A value handed to the user's own Nix function."""

Minimise = Literal["none", "safe", "tight"]
Compression = Literal["zstd", "gzip", "none"]
LayerStrategy = Literal["auto", "popularity", "single"]


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Who the image is: `name` is safe as an OCI repository name and as a Nix name.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
    """

    name: str
    version: str = "0"
    description: str | None = None
    source: str | None = None
    revision: str | None = None
    licenses: str | None = None
    authors: tuple[str, ...] = ()
    homepage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """Where packages come from.

    `kind` says what `set` (as written) is; `path` is the absolute folder where kind is "path",
    not resolved through symbolic links.
    """

    set: str = "bundled"
    kind: Literal["bundled", "path", "nixpkgs", "flake"] = "bundled"
    path: Path | None = None
    channel: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesBuild:
    """The app is files of the project, put under `dest` (absolute, in the image).

    `include` and `exclude` are globs relative to `src`; an empty `include` means everything.
    """

    kind: Literal["files"] = "files"
    src: str = "."
    dest: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CBuild:
    """The app is one C program, compiled directly from `sources` or by the project's Makefile.

    `libs` are attributes of the package set to compile and link against. With "make" the targets
    are made, then `make install PREFIX=$out` runs when there are none.
    """

    kind: Literal["c"] = "c"
    src: str = "."
    system: Literal["make", "direct"]
    program: str
    sources: tuple[str, ...] = ("*.c",)
    cflags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    libs: tuple[str, ...] = ()
    std: str | None = None
    make_targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NixBuild:
    """The app is what the user's own Nix file gives: `file`, relative to `src`, called with `args`.

    `args` is sorted by name.
    """

    kind: Literal["nix"] = "nix"
    src: str = "."
    file: str = "default.nix"
    args: tuple[tuple[str, NixArgument], ...] = ()


Build = FilesBuild | CBuild | NixBuild

Cross = Literal["auto", "cross", "native", "emulated"]
"""How the packages of an image for another platform come about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The user that the image's process runs as, and its lines in /etc/passwd and /etc/group."""

    name: str = "nonroot"
    uid: int = 65532
    group: str = "nonroot"
    gid: int = 65532
    home: str = "/home/nonroot"
    shell: str = "/sbin/nologin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port the image listens on; `str()` is the form of OCI's ExposedPorts."""

    number: int
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """How an engine asks whether the app is well; durations in nanoseconds, as Docker keeps them.

    `run` is an argument vector, never a shell line.
    """

    run: tuple[str, ...]
    interval_ns: int | None = None
    timeout_ns: int | None = None
    start_period_ns: int | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the image: a copy of the project's file `source`, or `text`; exactly one is set.

    `mode` holds the permission bits, at most 0o7777.
    """

    path: str
    source: str | None = None
    text: str | None = None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One directory of the image."""

    path: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Symlink:
    """One symbolic link of the image; `target` is kept as written."""

    path: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """How store paths are put into layers; `max` counts the customisation layer too."""

    max: int = 100
    strategy: LayerStrategy = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseName:
    """What a description calls its base image: `text` as written.

    A reference is `HOST[:PORT]/REPOSITORY[:TAG][@sha256:…]`; a place on disk
    `[oci:|oci-archive:|docker-archive:]PATH[:TAG]`, relative to the project's folder.
    """

    text: str
    kind: Literal["registry", "disk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The image: its contents and its configuration.

    https://github.com/opencontainers/image-spec/blob/main/config.md

    `base` is what it begins with, and `given` the keys that the description itself has, sorted:
    what is not among them may be the base's.
    `contents` are attribute paths of the package set. `env` holds what the description says,
    without defaults such as PATH. `created` is in seconds since 1970, or the word
    "source-date-epoch" where the variable of that name decides. `files`, `directories` and
    `symlinks` are sorted by path; `ports` and `volumes` too, without doubles. `foreign_binaries`
    are patterns as `nixgen.globs.matches_image_path` takes them.
    """

    base: BaseName | None = None
    given: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: Pairs = ()
    user: User = User()
    workdir: str = "/"
    ports: tuple[Port, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: Pairs = ()
    annotations: Pairs = ()
    stop_signal: str | None = None
    healthcheck: Healthcheck | None = None
    files: tuple[File, ...] = ()
    directories: tuple[Directory, ...] = ()
    symlinks: tuple[Symlink, ...] = ()
    ca_certificates: bool = True
    timezones: bool = False
    timezone: str | None = None
    created: int | Literal["source-date-epoch"] = 1
    tags: tuple[str, ...]
    compression: Compression = "gzip"
    foreign_binaries: tuple[str, ...] = ()
    layers: Layers = Layers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """What is left out of the image, and what it is held against.

    `keep` and `drop` are patterns of files relative to their store path, `keep_paths` patterns of
    the names of store paths. `cuts` are pairs (from, to) of packages. `as_named` are packages that
    no smaller one stands in for, "*" all of them.
    """

    minimise: Minimise = "safe"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    keep_paths: tuple[str, ...] = ()
    as_named: tuple[str, ...] = ()
    cuts: tuple[tuple[PackagePattern, PackagePattern], ...] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """How `nixgen image --sign` signs, and by whom: a key, an identity, or who the call says.

    `key` is a path from the project's folder; `issuer` is there with one of `identity` and
    `identity_pattern`.
    """

    attach: tuple[str, ...] = ("provenance", "spdx")
    key: str | None = None
    identity: str | None = None
    identity_pattern: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSpec:
    """A description resolved for one platform: what every later stage works from.

    `project_dir` is the absolute folder of the description, `digest` that of its bytes, `profile`
    the selected profile or None.
    """

    app: App
    packages: Packages
    build: Build | None
    cross: Cross
    image: Image
    closure: Closure
    tests: tuple[Test, ...]
    sign: Sign
    platform: Platform
    profile: str | None
    project_dir: Path
    digest: Digest
