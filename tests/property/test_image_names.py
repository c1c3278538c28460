"""Whatever is written as an image's name is understood or refused, and references come back."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from nixgen.errors import UsageError
from nixgen.oci.reference import ImagePlace
from nixgen.pipeline.naming import parse_source, parse_target
from nixgen.registry import ImageReference

WORDS = st.sampled_from(
    [
        *("docker", "podman", "oci", "oci-archive", "docker-archive", "sha256", "localhost"),
        *(":", "/", "//", "@", ".", "..", "-", "a", "b.c", "A", "1.0", "5000", "\0", "é", " "),
        *("long" * 99,),
    ]
)
NAMES = st.lists(WORDS, max_size=8).map("".join) | st.text(max_size=40)


@given(NAMES)
def test_every_name_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        parse_target(text)


@given(NAMES)
def test_a_reference_written_out_is_the_same_reference(text: str) -> None:
    with contextlib.suppress(UsageError):
        name = parse_source(text)
        if isinstance(name, ImageReference):
            assert parse_source(f"docker://{name}") == name
            assert parse_source(str(name)) == name
        else:
            assert isinstance(name, ImagePlace)
