"""A pinned set for tests that need some."""

from nixgen.digest import Digest
from nixgen.lock import PinnedSet

BUNDLED = PinnedSet(kind="bundled", digest=Digest.of_bytes(b""))
