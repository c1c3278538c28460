"""The confs of images as they are written: less what the description leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nixgen.closure.rules import Minimising
from nixgen.closure.selection import Kept, Look, Place, referred_to
from nixgen.nixcli import Nix, StorePath
from nixgen.oci import ImageConf, StoreRoot
from nixgen.oci.trimming import Trimming, trim
from nixgen.oci.unbroken import refuse_broken
from nixgen.pipeline.memory import Memory, facts_of, remembered
from nixgen.pipeline.realise import Evaluated
from nixgen.pipeline.state import State
from nixgen.plan import ImagePlan
from nixgen.progress import Notice


def rules_of(image: ImagePlan) -> Minimising:
    """The rules of one image's description."""
    closure = image.closure
    return Minimising(
        mode=closure.minimise,
        keep=closure.keep,
        drop=closure.drop,
        keep_paths=closure.keep_paths,
        cuts=closure.cuts,
    )


def trim_confs(
    evaluated: Evaluated,
    confs: Sequence[ImageConf],
    nix: Nix,
    *,
    state: State,
    store: StoreRoot,
    anew: bool = False,
) -> list[tuple[ImageConf, Trimming | None]]:
    """Each image's conf as `trim_conf` gives it; `confs` stand in the order of the plan's images.

    What was found in the files of store paths is remembered for the next time; with `anew` what
    was found before does not count.
    """
    images = evaluated.prepared.plan.images
    with remembered("references", evaluated, state, read=str, write=str, anew=anew) as memory:
        return [
            trim_conf(image, conf, nix, store=store, memory=memory)
            for image, conf in zip(images, confs, strict=True)
        ]


def trim_conf(
    image: ImagePlan,
    conf: ImageConf,
    nix: Nix,
    *,
    store: StoreRoot,
    memory: Memory[str] | None = None,
) -> tuple[ImageConf, Trimming | None]:
    """The conf of an image without what its rules leave out; None where they leave out nothing.

    Patterns that match nothing are told to the reporter. Raises BuildError where a program would
    lack what it can't start without, MachineError for what can't be read.
    """
    rules = rules_of(image)
    if rules.leaves_out_nothing:
        return conf, None
    references = _references(conf, nix) if rules.mode == "tight" or rules.cuts else {}
    look = remembering(Memory() if memory is None else memory, store)
    trimmed, report = trim(conf, rules, references=references, store=store, look=look)
    refuse_broken(conf, trimmed, store=store)
    for pattern in report.unmatched:
        nix.reporter.report(Notice(text=f"{image.platform}: closure: {pattern} matches nothing"))
    return trimmed, report


def remembering(memory: Memory[str], store: StoreRoot) -> Look:
    """`referred_to`, which reads the files of a store path only where it did not before."""

    def look(kept: Kept, candidates: Iterable[str], place: Place) -> frozenset[str]:
        wanted = sorted(candidates)
        place_now = facts_of([kept.path], store)
        asked = (str(store.root), *place_now, *wanted, "", *kept.files)
        found = memory.recall(asked, lambda: sorted(referred_to(kept, wanted, place)))
        return frozenset(found).intersection(wanted)

    return look


def _references(conf: ImageConf, nix: Nix) -> dict[str, list[str]]:
    infos = nix.path_info(map(StorePath.parse, conf.store_paths))
    return {str(info.path): [str(target) for target in info.references] for info in infos}
