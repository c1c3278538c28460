"""From the good values of a checked description to its `AppSpec`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nixgen.closure.limits import Limits
from nixgen.digest import Digest
from nixgen.platforms import Platform
from nixgen.spec import ondisk
from nixgen.spec.model import (
    App,
    AppSpec,
    Build,
    CBuild,
    Closure,
    Directory,
    File,
    FilesBuild,
    Healthcheck,
    Image,
    Layers,
    NixBuild,
    Packages,
    Port,
    Sign,
    Symlink,
)
from nixgen.spec.node import Node
from nixgen.spec.owners import find_owner, make_user
from nixgen.spec.shapes import Record
from nixgen.spec.tests_values import make_tests
from nixgen.spec.value_kinds import port_of

_EMPTY = Record(node=Node(value={}), values={})


def assemble(
    record: Record, *, platform: Platform, profile: str | None, project_dir: Path, digest: Digest
) -> AppSpec:
    """The AppSpec of a record without mistakes."""
    values = record.values
    app = _make_app(values["app"])
    build = _make_build(values.get("build"), app, project_dir)
    image = _make_image(values.get("image", _EMPTY), app, build)
    return AppSpec(
        app=app,
        packages=_make_packages(values.get("packages", _EMPTY), project_dir),
        build=build,
        cross=values["build"].values.get("cross", "auto") if "build" in values else "auto",
        image=image,
        closure=_make_closure(values.get("closure", _EMPTY)),
        tests=make_tests(values.get("test", ()), image.user, platform),
        sign=make_sign(values.get("sign", _EMPTY)),
        platform=platform,
        profile=profile,
        project_dir=project_dir,
        digest=digest,
    )


def _make_closure(record: Record) -> Closure:
    return Closure(
        minimise=record.values.get("minimise", "safe"),
        keep=_list(record, "keep"),
        drop=_list(record, "drop"),
        keep_paths=_list(record, "keep-paths"),
        as_named=_list(record, "as-named"),
        cuts=tuple((cut.values["from"], cut.values["to"]) for cut in _list(record, "cut")),
        limits=Limits(
            max_size_bytes=record.values.get("max-size"),
            max_unpacked_bytes=record.values.get("max-unpacked-size"),
            max_layers=record.values.get("max-layers"),
            forbid=_list(record, "forbid"),
            allow_only=_list(record, "allow-only"),
            no_shell=record.values.get("no-shell", False),
            no_setuid=record.values.get("no-setuid", False),
            no_world_writable=record.values.get("no-world-writable", False),
        ),
    )


def make_sign(record: Record) -> Sign:
    """Who signs, of the table [sign]."""
    written = {"attach": _list(record, "attach")} if "attach" in record.values else {}
    return Sign(
        key=record.values.get("key"),
        identity=record.values.get("identity"),
        identity_pattern=record.values.get("identity-pattern"),
        issuer=record.values.get("issuer"),
        **written,
    )


def _list(record: Record, name: str) -> tuple[Any, ...]:
    return tuple(value for _, value in record.values.get(name, ()))


def _pairs(record: Record, name: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(record.values.get(name, {}).items()))


def _make_app(record: Record) -> App:
    values = record.values
    return App(
        name=values["name"],
        version=values.get("version", "0"),
        description=values.get("description"),
        source=values.get("source"),
        revision=values.get("revision"),
        licenses=values.get("licenses"),
        authors=_list(record, "authors"),
        homepage=values.get("homepage"),
    )


def _make_packages(record: Record, project_dir: Path) -> Packages:
    written = record.values.get("set", "bundled")
    if written == "bundled":
        return Packages()
    if written.startswith((".", "/")):
        path = ondisk.find_package_set(project_dir, written)
        return Packages(set=written, kind="path", path=path)
    return Packages(
        set=written,
        kind="nixpkgs" if written == "nixpkgs" else "flake",
        channel=record.values.get("channel"),
        revision=record.values.get("revision"),
    )


def _make_build(record: Record | None, app: App, project_dir: Path) -> Build | None:
    if record is None or "kind" not in record.values:
        return None
    values = record.values
    src = values.get("src", ".")
    match values["kind"]:
        case "files":
            return FilesBuild(
                src=src,
                dest=values.get("dest", f"/srv/{app.name}"),
                include=_list(record, "include"),
                exclude=_list(record, "exclude"),
            )
        case "nix":
            args = values.get("args", {})
            return NixBuild(
                src=src,
                file=values.get("file", "default.nix"),
                args=tuple(sorted((name, _make_argument(arg)) for name, arg in args.items())),
            )
        case _:
            return _make_c_build(record, src, app, project_dir / src)


def _make_c_build(record: Record, src: str, app: App, folder: Path) -> CBuild:
    values = record.values
    system = values.get("system", "auto")
    if system == "auto":
        system = "make" if ondisk.has_makefile(folder) else "direct"
    return CBuild(
        src=src,
        system=system,
        program=values.get("program", app.name),
        sources=_list(record, "sources") if "sources" in values else ("*.c",),
        cflags=_list(record, "cflags"),
        ldflags=_list(record, "ldflags"),
        libs=_list(record, "libs"),
        std=values.get("std"),
        make_targets=_list(record, "make-targets"),
    )


def _make_argument(value: Any) -> Any:
    return tuple(item for _, item in value) if isinstance(value, tuple) else value


def _make_image(record: Record, app: App, build: Build | None) -> Image:
    values = record.values
    user = make_user(values.get("user"))
    default_entrypoint = (build.program,) if isinstance(build, CBuild) else ()
    signal = values.get("stop-signal")
    return Image(
        base=values.get("from"),
        given=tuple(sorted(values)),
        contents=_list(record, "contents"),
        entrypoint=_list(record, "entrypoint") if "entrypoint" in values else default_entrypoint,
        cmd=_list(record, "cmd"),
        env=_pairs(record, "env"),
        user=user,
        workdir=values.get("workdir", "/"),
        ports=tuple(sorted((port_of(port) for port in _list(record, "ports")), key=_port_order)),
        volumes=tuple(sorted(_list(record, "volumes"))),
        labels=_pairs(record, "labels"),
        annotations=_pairs(record, "annotations"),
        stop_signal=None if signal is None else str(signal),
        healthcheck=_make_healthcheck(values.get("healthcheck")),
        files=tuple(
            File(
                path=entry.values["path"],
                source=entry.values.get("source"),
                text=entry.values.get("text"),
                mode=entry.values.get("mode", 0o644),
                **_owner(entry, user),
            )
            for entry in _by_path(record, "files")
        ),
        directories=tuple(
            Directory(
                path=entry.values["path"],
                mode=entry.values.get("mode", 0o755),
                **_owner(entry, user),
            )
            for entry in _by_path(record, "directories")
        ),
        symlinks=tuple(
            Symlink(path=entry.values["path"], target=entry.values["target"])
            for entry in _by_path(record, "symlinks")
        ),
        ca_certificates=values.get("ca-certificates", True),
        timezones=values.get("timezones", False) or "timezone" in values,
        timezone=values.get("timezone"),
        created=values.get("created", 1),
        tags=_list(record, "tags") or (make_tag(app.version),),
        compression=values.get("compression", "gzip"),
        foreign_binaries=_list(record, "foreign-binaries"),
        layers=_make_layers(values.get("layers", _EMPTY)),
    )


def make_tag(version: str) -> str:
    """The tag of a version: what a tag can't hold becomes a dash."""
    tag = re.sub(r"[^A-Za-z0-9._-]", "-", version)[:128]
    return tag if re.match(r"[A-Za-z0-9_]", tag) else f"v{tag}"[:128]


def _by_path(record: Record, name: str) -> list[Record]:
    return sorted(_list(record, name), key=lambda entry: str(entry.values["path"]))


def _owner(entry: Record, user: Any) -> dict[str, int]:
    uid, gid = find_owner(entry, user)
    return {"uid": uid, "gid": gid}


def _port_order(port: Port) -> tuple[int, str]:
    return (port.number, port.protocol)


def _make_layers(record: Record) -> Layers:
    return Layers(max=record.values.get("max", 100), strategy=record.values.get("strategy", "auto"))


def _make_healthcheck(record: Record | None) -> Healthcheck | None:
    if record is None:
        return None
    values = record.values
    return Healthcheck(
        run=_list(record, "run"),
        interval_ns=values.get("interval"),
        timeout_ns=values.get("timeout"),
        start_period_ns=values.get("start-period"),
        retries=values.get("retries"),
    )
