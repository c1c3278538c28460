"""The alarm: the same derivation, written in the same way, gives the same digest."""

from __future__ import annotations

from collections.abc import Sequence

from nixgen.digest import Digest
from nixgen.errors import IrreproducibleError
from nixgen.lock import LockedResult, lock_path, write_lock
from nixgen.oci import BuiltImage, canonical_json
from nixgen.pipeline.realise import Evaluated
from nixgen.pipeline.trimming import rules_of
from nixgen.plan import ImagePlan


def remember(evaluated: Evaluated, images: Sequence[BuiltImage]) -> None:
    """Compare with the lock's last results, then record the new ones.

    Raises IrreproducibleError where the same derivation, written in the same way, once gave
    another digest.
    """
    prepared = evaluated.prepared
    lock = prepared.lock
    for image, target, built in zip(prepared.plan.images, evaluated.confs, images, strict=True):
        key = (prepared.request.profile or "", str(image.platform), image.build_system)
        result = LockedResult(
            derivation=str(target.drv_path),
            writer=writer_digest(image, evaluated),
            manifest=built.digest,
            size_bytes=built.size_bytes,
            unpacked_bytes=built.unpacked_bytes,
        )
        old = lock.results.get(key)
        if (
            old is not None
            and (old.derivation, old.writer) == (result.derivation, result.writer)
            and old.manifest != result.manifest
        ):
            raise IrreproducibleError(
                f"{image.platform}: the same derivation gave another image\n"
                f"  derivation {result.derivation}\n"
                f"  locked     {old.manifest}\n"
                f"  built      {result.manifest}",
                hint=f"`nix-store --realise --check {result.derivation}` rebuilds the last step "
                "and compares (`nixgen audit`, which is to do so for every step, is not there "
                "yet); `nixgen lock` accepts the new digest",
            )
        lock = lock.with_result(key, result)
    if prepared.request.may_write_lock:
        write_lock(lock_path(prepared.description.path), lock)


def writer_digest(image: ImagePlan, evaluated: Evaluated) -> Digest:
    """The digest of all that an image's bytes depend on besides its conf's derivation."""
    compressor = evaluated.compressors.get(image.compression)
    rules = rules_of(image)
    parameters = {
        "annotations": dict(image.annotations),
        "compression": image.compression,
        "compressor": str(compressor.drv_path) if compressor else "",
        **({} if rules.leaves_out_nothing else {"closure": rules.as_json()}),
        "platform": str(image.platform),
        "writer": 1,
    }
    if image.base is not None:
        parameters["base"] = str(image.base.digest)
    return Digest.of_bytes(canonical_json(parameters))
