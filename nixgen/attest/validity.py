"""What of a trusted root was valid when something was signed.

`sigstore` takes authorities and logs that have been retired, because what they vouched for before
is good, and does not ask when they did. But one is retired where its key has leaked, too.
https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sigstore.models import TrustedRoot
    from sigstore_models.common.v1 import TimeRange


def valid_at(root: TrustedRoot, times: Sequence[datetime]) -> TrustedRoot:
    """The root without what was not valid at all of some times; itself where that is nothing."""
    from sigstore.models import TrustedRoot

    # why its inside: there is no other way to what it is made of.
    inner = root._inner  # noqa: SLF001
    tlogs = [each for each in inner.tlogs if _covers(each.public_key.valid_for, times)]
    ctlogs = [each for each in inner.ctlogs if _covers(each.public_key.valid_for, times)]
    authorities = [e for e in inner.certificate_authorities if _covers(e.valid_for, times)]
    stamping = [e for e in inner.timestamp_authorities if _covers(e.valid_for, times)]
    then = inner.model_copy(
        update={
            "tlogs": tlogs,
            "ctlogs": ctlogs,
            "certificate_authorities": authorities,
            "timestamp_authorities": stamping,
        }
    )
    return root if then == inner else TrustedRoot(then)


def _covers(period: TimeRange | None, times: Sequence[datetime]) -> bool:
    if period is None:
        return True
    return all(
        period.start <= time and (period.end is None or time <= period.end) for time in times
    )
