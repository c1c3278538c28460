"""Having Nix evaluate and build what was prepared."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.closure.variants import format_variants, needless_names
from nixgen.errors import BuildError, DescriptionError, EvaluationError, NixgenError, Problem
from nixgen.nixcli import (
    BuildPlan,
    BuildTarget,
    DerivationFailedError,
    Nix,
    SourceNames,
    StorePath,
    ThrownError,
)
from nixgen.nixexpr import format_attribute_path
from nixgen.pipeline.machine import emulating
from nixgen.pipeline.prepare import Prepared
from nixgen.pipeline.sourcing import ensure_sources
from nixgen.pipeline.state import State
from nixgen.pipeline.trees import Trees, add_trees
from nixgen.pipeline.unchanged import Root
from nixgen.plan import ImagePlan
from nixgen.platforms import Platform, known_platforms
from nixgen.progress import Notice
from nixgen.sources import Supply

_CONF_SUFFIX = "-conf.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What evaluation gave: one conf per image, and the compressors that writing needs.

    `variants` says for each image which packages the set gave in place of those that are named.
    """

    prepared: Prepared
    trees: Trees
    names: SourceNames
    confs: tuple[BuildTarget, ...]
    variants: tuple[Mapping[str, str], ...]
    compressors: Mapping[str, BuildTarget]

    @property
    def targets(self) -> list[BuildTarget]:
        """Everything that is to be built, confs first."""
        return [*self.confs, *self.compressors.values()]


def evaluate(prepared: Prepared, nix: Nix) -> Evaluated:
    """Put the trees into the store and instantiate; nothing is built.

    Raises DescriptionError for packages that the set does not have, EvaluationError for the
    user's own Nix.
    """
    trees = add_trees(
        nix,
        prepared.files,
        project=prepared.source,
        packages=prepared.pinned.tree,
    )
    names = trees.names(prepared.description.project_dir)
    images = prepared.plan.images
    wanted = sorted({image.compression for image in images} - {"none"})
    attrs = [format_attribute_path("images", i.platform.slug, "conf") for i in images]
    attrs += [format_attribute_path("compressors", name) for name in wanted]
    asked = [format_attribute_path("images", i.platform.slug, "variants") for i in images]
    try:
        targets, variants = emulating(nix, prepared.plan).instantiate_and_ask(
            trees.expression(), attrs, asked, names=names
        )
    except ThrownError as error:
        raise explain_thrown(error.payload, prepared) from error
    return Evaluated(
        prepared=prepared,
        trees=trees,
        names=names,
        confs=tuple(targets[: len(images)]),
        variants=tuple(dict(sorted(each.items())) for each in variants),
        compressors=dict(zip(wanted, targets[len(images) :], strict=True)),
    )


def tell_variants(evaluated: Evaluated, nix: Nix) -> None:
    """Tell the reporter which packages stand in place of others, and of what keeps none."""
    for image, variants in zip(evaluated.prepared.plan.images, evaluated.variants, strict=True):
        for line in format_variants(variants):
            nix.reporter.report(Notice(text=f"{image.platform}: {line}"))
        for name in needless_names(image.contents, image.closure.as_named):
            text = f"{image.platform}: closure: as-named: nothing would stand in place of {name}"
            nix.reporter.report(Notice(text=text))


def dry_run(evaluated: Evaluated, nix: Nix) -> BuildPlan:
    """What would be built and fetched."""
    return emulating(nix, evaluated.prepared.plan).plan_build(evaluated.targets)


def realise(evaluated: Evaluated, nix: Nix, *, state: State, supply: Supply) -> tuple[Path, ...]:
    """Build everything; gives the confs' paths on disk, in the order of the plan's images.

    Fetches the sources that are missing first. The results are kept from garbage collection
    until the next build of the same description. Raises BuildError and its kinds.
    """
    prepared = evaluated.prepared
    nix = emulating(nix, prepared.plan)
    link = state.root_link(prepared.description.path, prepared.request.profile)
    missing = nix.plan_build(evaluated.targets).to_build
    if missing:
        ensure_sources(missing, nix, supply=supply)
    try:
        nix.realise(evaluated.targets, out_link=link, names=evaluated.names)
    except DerivationFailedError as error:
        state.write_failure(str(error.derivation))
        raise
    state.forget_failure()
    state.drop_links_beyond(link, len(evaluated.targets))
    return tuple(nix.physical_path(conf_path(target, nix)) for target in evaluated.confs)


def kept_roots(evaluated: Evaluated, nix: Nix, *, state: State) -> list[Root]:
    """The links by which `realise` keeps what it built."""
    request = evaluated.prepared.request
    first = state.root_link(evaluated.prepared.description.path, request.profile)
    links = [first] + [
        first.with_name(f"{first.name}-{number}") for number in range(2, len(evaluated.targets) + 1)
    ]
    return [
        Root(link=link, target=str(link.readlink()), place=nix.physical_path(target.path))
        for link, target in zip(links, evaluated.targets, strict=True)
    ]


def conf_path(target: BuildTarget, nix: Nix) -> StorePath:
    """The image conf of a built target: itself, or what the stream script refers to.

    why: nixpkgs of before 2025 has no `conf` attribute; there the script is what can be built.
    Raises BuildError where there is no conf.
    """
    if target.path.name.endswith(_CONF_SUFFIX):
        return target.path
    (info,) = nix.path_info([target.path])
    confs = [path for path in info.references if path.name.endswith(_CONF_SUFFIX)]
    if len(confs) != 1:
        raise BuildError(f"{target.path} refers to {len(confs)} image confs; expected one")
    return confs[0]


def explain_thrown(payload: Mapping[str, Any], prepared: Prepared) -> NixgenError:
    """What nixgen's own Nix library threw, in the user's words."""
    file = str(prepared.description.path)
    match payload.get("kind"):
        case "unknown-packages":
            return DescriptionError(
                "packages are not in the set",
                problems=list(_package_problems(payload["packages"], prepared)),
            )
        case "not-a-derivation":
            return EvaluationError(
                f"{prepared.description.project_dir / payload['file']}: "
                f"this gives a {payload['found']}, not a derivation",
                hint="it must be a derivation, or a function of { pkgs, source, … } to one",
            )
        case "no-compressor":
            return EvaluationError(
                f"the package set has no {payload.get('name')}, which image.compression = "
                f'"{payload.get("compression")}" needs',
                hint='choose another: image.compression = "gzip", "zstd" or "none"',
            )
        case "missing-arguments":
            names = ", ".join(payload["names"])
            return EvaluationError(
                f"{prepared.description.project_dir / payload['file']}:{payload['line']}: "
                f"nothing is there for these arguments of the function: {names}",
                hint="an argument is one of pkgs, lib, stdenv, source, name, version, a package of "
                "the set, or a key of [build] args; `? …` gives it a default",
            )
        case "no-cross-set":
            return EvaluationError(
                f"{file}: the package set can't build for {payload['platform']}: there is no "
                f"pkgsCross.{payload['pkgsCross']} in it",
                hint=f"it builds for {', '.join(map(str, _served(payload['known'], prepared)))}",
            )
        case kind:
            return EvaluationError(f"{file}: the Nix library refused: {kind}: {dict(payload)}")


def _served(cross_names: Sequence[str], prepared: Prepared) -> Iterator[Platform]:
    """What a set of these names in its pkgsCross can build for, its own platform included."""
    for platform in known_platforms():
        native = platform.facts.system == prepared.request.options.machine.system
        if native or platform.facts.pkgs_cross in cross_names:
            yield platform


_WHY_NOT = {
    "unknown": "unknown package {name!r} for {platform}",
    "unusable": "{name!r} of the package set is not a package for {platform}",
    "unavailable": "the package {name!r} is not available for {platform}",
}


def _package_problems(found: list[dict[str, Any]], prepared: Prepared) -> Iterator[Problem]:
    by_platform = {str(image.platform): image for image in prepared.plan.images}
    for item in found:
        name, platform = item["name"], item["platform"]
        everywhere = sum(other["name"] == name for other in found) == len(by_platform)
        close = difflib.get_close_matches(name, item["known"], n=1)
        hint = f"did you mean {close[0]!r}?" if close else None
        if item["reason"] == "unavailable" or not everywhere:
            hint = _optional_hint(by_platform[platform], name)
        yield Problem(
            message=_WHY_NOT[item["reason"]].format(name=name, platform=platform),
            file=str(prepared.description.path),
            line=_line_of(prepared, name),
            key=_key_of(by_platform[platform], name),
            hint=hint,
        )


def _optional_hint(image: ImagePlan, name: str) -> str:
    """How a package is left out on one platform."""
    is_lib = image.build is not None and name in image.build.packages
    table, key = ("build", "libs") if is_lib else ("image", "contents")
    return (
        f'leave it out there: [platform."{image.platform}".{table}] '
        f'{key} = {{ remove = ["{name}"] }}'
    )


def _key_of(image: ImagePlan, name: str) -> str:
    if image.build is not None and name in image.build.packages:
        return f"build.libs[{image.build.packages.index(name)}]"
    return f"image.contents[{image.contents.index(name)}]"


def _line_of(prepared: Prepared, name: str) -> int | None:
    """The first line of the description that has the name as a whole string."""
    text = prepared.description.path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if f'"{name}"' in line or f"'{name}'" in line:
            return number
    return None
