"""The confs of images as they are written: less what the description leaves out."""

from __future__ import annotations

from nixgen.closure.rules import Minimising
from nixgen.nixcli import Nix, StorePath
from nixgen.oci import ImageConf, StoreRoot
from nixgen.oci.trimming import Trimming, trim
from nixgen.oci.unbroken import refuse_broken
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


def trim_conf(
    image: ImagePlan, conf: ImageConf, nix: Nix, *, store: StoreRoot
) -> tuple[ImageConf, Trimming | None]:
    """The conf of an image without what its rules leave out; None where they leave out nothing.

    Patterns that match nothing are told to the reporter. Raises BuildError where a program would
    lack what it can't start without, MachineError for what can't be read.
    """
    rules = rules_of(image)
    if rules.leaves_out_nothing:
        return conf, None
    references = _references(conf, nix) if rules.mode == "tight" or rules.cuts else {}
    trimmed, report = trim(conf, rules, references=references, store=store)
    refuse_broken(conf, trimmed, store=store)
    for pattern in report.unmatched:
        nix.reporter.report(Notice(text=f"{image.platform}: closure: {pattern} matches nothing"))
    return trimmed, report


def _references(conf: ImageConf, nix: Nix) -> dict[str, list[str]]:
    infos = nix.path_info(map(StorePath.parse, conf.store_paths))
    return {str(info.path): [str(target) for target in info.references] for info in infos}
