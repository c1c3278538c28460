"""The sources and seeds in a build graph: its derivations of fixed output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from nixgen.attest.provenance import Material
from nixgen.attest.purls import debian_source_purl, npm_purl, pypi_purl
from nixgen.nixcli import Derivation, StorePath
from nixgen.pipeline.revision import public_url
from nixgen.sources.model import DebianSource, NpmPackage, Origin, PythonPackage, Source, Upstream


def fixed_outputs(
    roots: Iterable[StorePath], graph: Mapping[StorePath, Derivation]
) -> Iterator[Derivation]:
    """The derivations of fixed output that `roots` are built from, by path.

    What fetches one is not followed: its hash alone says what it is.
    """
    seen: set[StorePath] = set()
    todo = list(roots)
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        if graph[path].fixed_output is None:
            todo += graph[path].input_derivations
    yield from (graph[path] for path in sorted(seen) if graph[path].fixed_output is not None)


def material_of(derivation: Derivation, source: Source | None) -> Material:
    """A derivation of fixed output as a material; `source` is what the catalogue says of it."""
    fixed = derivation.fixed_output
    assert fixed is not None  # noqa: S101 - the caller has asked
    is_plain_nar = fixed.recursive and fixed.algorithm == "sha256"
    name = "narHash" if is_plain_nar else f"nar-{fixed.algorithm}" if fixed.recursive else ""
    digest = {name or fixed.algorithm: fixed.hex}
    if source is None:
        return Material(name=derivation.name, uri=_address(derivation.env), digest=digest)
    return Material(
        name=source.name,
        uri=_origin_uri(source.origins),
        digest={**digest, "sha256": source.digest.hex},
        annotations={"license": source.license, "seed": source.seed},
    )


def _address(env: Mapping[str, str]) -> str | None:
    """The first address that a fetcher of nixpkgs or Nix's own goes to; None where none is told."""
    if "__json" in env:
        # https://nix.dev/manual/nix/latest/language/advanced-attributes#adv-attr-structuredAttrs
        told = json.loads(env["__json"])
        env = {
            name: " ".join(value) if isinstance(value, list) else str(value)
            for name, value in told.items()
            if name in ("url", "urls")
        }
    for text in (*env.get("urls", "").split(), *env.get("url", "").split()):
        if address := public_url(text):
            return address
    return None


def _origin_uri(origins: Iterable[Origin]) -> str | None:
    """Where a source of the catalogue comes from: upstream's address, else a package's name."""
    ordered = sorted(origins, key=lambda each: not isinstance(each, Upstream))
    for origin in ordered:
        match origin:
            case Upstream(url=url, member=None):
                return url
            case Upstream(url=url, member=member):
                return f"{url}#{member}"
            case PythonPackage(package=package, version=version):
                return pypi_purl(package, version, file=origin.file, member=origin.member)
            case NpmPackage(package=package, version=version):
                return npm_purl(package, version, member=origin.member)
            case DebianSource(package=package, version=version):
                return debian_source_purl(package, version, member=origin.member)
    return None
