"""What is said of a lockfile that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.errors import LockError
from nixgen.lock import PinnedSet
from nixgen.pipeline.pins import refuse_stale


@pytest.mark.parametrize("name", ["app.toml", "web.toml"])
def test_the_command_that_mends_a_lock_names_the_users_own_description(name: str) -> None:
    digest = Digest.of_bytes(b"")
    with pytest.raises(LockError) as caught:
        refuse_stale(Path(name), None, digest, PinnedSet(kind="bundled", digest=digest))
    assert f"`nixgen lock {name}`" in str(caught.value)
