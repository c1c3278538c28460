"""Trying other ways to describe an image: what each would save, and what its tests say to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen.aside import scratch_folder
from nixgen.closure.alternatives import (
    Alternative,
    Described,
    join,
    propose_as_named,
    propose_drops,
    propose_modes,
    propose_no_certificates,
    propose_removals,
    propose_strays,
    propose_variants,
)
from nixgen.closure.limits import Limits
from nixgen.closure.linking import (
    library_names,
    propose_libraries,
    propose_small_code,
    propose_static,
)
from nixgen.errors import NixgenError
from nixgen.imagetest import Choice
from nixgen.nixcli import Nix
from nixgen.oci import BuiltImage, ImageConf, LayerCache, read_conf
from nixgen.pipeline.closures import closure_of
from nixgen.pipeline.confs import store_root
from nixgen.pipeline.image import write_image
from nixgen.pipeline.offers import Offers
from nixgen.pipeline.prepare import Request, prepare, resolve_all
from nixgen.pipeline.realise import Evaluated, evaluate, realise
from nixgen.pipeline.state import State
from nixgen.pipeline.testing import Examiner
from nixgen.pipeline.trials import Slimming, Trial, Wanted, Weighed
from nixgen.pipeline.trimming import rules_of, trim_conf
from nixgen.plan import ImagePlan
from nixgen.progress import PhaseStarted
from nixgen.runtime import RunnableImage
from nixgen.sources import Supply
from nixgen.spec import AppSpec
from nixgen.spec.interpolate import escape
from nixgen.spec.model import Build, CBuild


def slim(
    request: Request, nix: Nix, wanted: Wanted, *, supply: Supply, cache: LayerCache | None
) -> Slimming:
    """Try alternatives of a description for one platform; nothing of them is left.

    Raises what building the image as described raises, and UsageError for what `wanted` names.
    """
    (spec,) = resolve_all(request.read_description(), request)
    with scratch_folder() as folder:
        workshop = _Workshop(
            request=request.looking,
            spec=spec,
            nix=nix,
            supply=supply,
            cache=cache,
            folder=folder,
        )
        slimming = workshop.work(wanted)
    if cache is not None:
        cache.bound()
    return slimming


@dataclass(frozen=True, slots=True, kw_only=True)
class _Workshop:
    """Where one description is built in several ways; `folder` is gone afterwards."""

    request: Request
    spec: AppSpec
    nix: Nix
    supply: Supply
    cache: LayerCache | None
    folder: Path

    @property
    def now(self) -> Described:
        closure = self.spec.closure
        return Described(
            minimise=closure.minimise,
            drop=closure.drop,
            cut=tuple((source.text, target.text) for source, target in closure.cuts),
            contents=self.spec.image.contents,
            as_named=closure.as_named,
            has_certificates=self.spec.image.ca_certificates,
            **_building(self.spec.build),
        )

    @property
    def state(self) -> State:
        # why: the roots and records of the user's own results are not to be touched.
        return State(self.folder / "state")

    def work(self, wanted: Wanted) -> Slimming:
        described = self._evaluate({})
        weighed = self._weigh(described)
        known = tuple(self._propose(described, weighed))
        trials = [
            self._try(each, described, weighed, allow_builds=wanted.allow_builds)
            for each in wanted.choose(known)
        ]
        found = [each for each in trials if each is not None]
        together = self._join(found)
        if together is not None and not wanted.names:
            trial = self._try(together, described, weighed, allow_builds=wanted.allow_builds)
            found += [] if trial is None else [trial]
        return Slimming(
            platform=str(self.spec.platform),
            described=weighed,
            trials=tuple(sorted(found, key=lambda each: each.order)),
        )

    def _join(self, trials: Sequence[Trial]) -> Alternative | None:
        """All good alternatives as one; None where that is one of them."""
        # why not certificates: what opens TLS connections is seldom in a test.
        good = [each.alternative for each in trials if each.is_good and not each.alternative.off]
        doc = "all that save something and pass the tests"
        together = join("together", doc, good)
        changes = together.changes(self.now)
        if not good or any(each.changes(self.now) == changes for each in good):
            return None
        return together

    def _evaluate(self, changes: dict[str, Any]) -> Evaluated:
        request = dataclasses.replace(self.request, changes=changes)
        return evaluate(prepare(request, self.nix), self.nix)

    def _weigh(self, evaluated: Evaluated) -> Weighed:
        evaluated = _without_limits(evaluated)
        confs = realise(evaluated, self.nix, state=self.state, supply=self.supply)
        examiner = Examiner((self.spec,), Choice(), self.nix.reporter)
        sizes: list[BuiltImage] = []

        def accept(
            images: Sequence[BuiltImage], runnables: Sequence[RunnableImage], work: Path
        ) -> None:
            sizes.extend(images)
            if self.spec.tests:
                examiner.examine(images, runnables, work)

        write_image(
            evaluated,
            confs,
            self.nix,
            destination=self.folder / "image.oci",
            form="oci",
            cache=self.cache,
            state=self.state,
            accept=accept,
        )
        (image,) = sizes
        return Weighed(
            size_bytes=image.size_bytes,
            unpacked_bytes=image.unpacked_bytes,
            tests=examiner.report if self.spec.tests else None,
        )

    def _try(
        self,
        alternative: Alternative,
        described: Evaluated,
        weighed: Weighed,
        *,
        allow_builds: bool,
    ) -> Trial | None:
        """What comes of an alternative; None for one that changes nothing."""
        trial = Trial(alternative=alternative, lines=alternative.lines(self.now))
        self.nix.reporter.report(PhaseStarted(name=f"try {alternative.name}"))
        offers = Offers(nix=self.nix, evaluate=self._evaluate)
        try:
            evaluated = self._evaluate(alternative.changes(self.now))
            if _is_same(evaluated, described):
                return None
            missing = [] if allow_builds else offers.missing_packages(evaluated, described)
            if missing:
                names = ", ".join(missing[:3]) + (" and more" if len(missing) > 3 else "")
                return dataclasses.replace(trial, reason=f"needs a build of {names}; see --build")
            found = self._weigh(evaluated)
        except NixgenError as error:
            return dataclasses.replace(trial, reason=_first_words(error))
        return dataclasses.replace(
            trial, weighed=found, saved_bytes=weighed.size_bytes - found.size_bytes
        )

    def _propose(self, described: Evaluated, weighed: Weighed) -> Iterator[Alternative]:
        now = self.now
        (taken,) = described.variants
        if weighed.tests is not None and weighed.tests.verdict == "failed":
            yield from propose_as_named(taken)
        yield from propose_modes(now)
        yield from propose_no_certificates(now)
        (image,) = described.prepared.plan.images
        (path,) = realise(described, self.nix, state=self.state, supply=self.supply)
        conf = read_conf(path, store=store_root(self.nix))
        yield from self._look(image, conf, lambda each: propose_drops(each.graph.nodes, each.place))
        if self.spec.closure.minimise != "tight":
            closure = dataclasses.replace(image.closure, minimise="tight")
            image = dataclasses.replace(image, closure=closure)
        yield from self._look(image, conf, lambda each: propose_strays(each.graph, each.place))
        yield from propose_removals(now.contents, self._texts(image))
        variants = propose_variants(now.contents, taken)
        names = [other for each in variants for other in each.contents.values() if other]
        offers = Offers(nix=self.nix, evaluate=self._evaluate)
        there = offers.there(tuple(dict.fromkeys(names)))
        yield from (each for each in variants if there.issuperset(each.contents.values()))
        if isinstance(self.spec.build, CBuild):
            there = offers.there(library_names(now.libs))
            yield from propose_libraries(now, there)
            yield from propose_static(now, there)
            yield from propose_small_code(now, replaces_flags=self.spec.build.system == "make")

    def _look(
        self,
        image: ImagePlan,
        conf: ImageConf,
        propose: Callable[[Any], Iterator[Alternative]],
    ) -> list[Alternative]:
        """What is proposed for the closure of an image with these rules."""
        store = store_root(self.nix)
        with scratch_folder() as folder:
            try:
                trimmed, _ = trim_conf(image, conf, self.nix, store=store)
            except NixgenError:
                # why: rules that would break the image are no ground to propose more of them.
                return []
            closure = closure_of(
                trimmed,
                self.nix,
                platform=image.platform,
                name=image.name,
                store=store,
                folder=folder,
            )
            return list(propose(closure))

    def _texts(self, image: ImagePlan) -> Iterator[str]:
        """What names programs: the config, and the commands of the tests."""
        yield str(image.config)
        for test in self.spec.tests:
            yield " ".join(test.run or ())


def _without_limits(evaluated: Evaluated) -> Evaluated:
    """The same without [closure]'s limits: who exceeds them is the one who asks."""
    prepared = evaluated.prepared
    images = tuple(
        dataclasses.replace(image, closure=dataclasses.replace(image.closure, limits=Limits()))
        for image in prepared.plan.images
    )
    plan = dataclasses.replace(prepared.plan, images=images)
    return dataclasses.replace(evaluated, prepared=dataclasses.replace(prepared, plan=plan))


def _building(build: Build | None) -> dict[str, tuple[str, ...]]:
    """What alternatives may change of how an app is built."""
    if not isinstance(build, CBuild):
        return {}
    # why: the flags were filled in already, and would be again.
    cflags, ldflags = (tuple(map(escape, flags)) for flags in (build.cflags, build.ldflags))
    return {"libs": build.libs, "cflags": cflags, "ldflags": ldflags}


def _is_same(one: Evaluated, other: Evaluated) -> bool:
    (image,), (other_image,) = one.prepared.plan.images, other.prepared.plan.images
    same_rules = rules_of(image) == rules_of(other_image)
    return same_rules and one.confs[0].drv_path == other.confs[0].drv_path


def _first_words(error: NixgenError) -> str:
    """The reason of an error in one line."""
    first = error.message.splitlines()[0]
    return f"{first}: {error.problems[0].message}" if error.problems else first
