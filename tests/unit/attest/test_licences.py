"""Licences as package sets name them, as SPDX expressions."""

from __future__ import annotations

import pytest

from nixgen.attest.licences import Licence, read_licence


@pytest.mark.parametrize(
    ("names", "expression"),
    [
        (["MIT"], "MIT"),
        (["MIT", "MIT", " "], "MIT"),
        (["MIT", "Apache-2.0 OR GPL-2.0-only"], "MIT AND (Apache-2.0 OR GPL-2.0-only)"),
        (
            ["GPL-2.0-only WITH Classpath-exception-2.0"],
            "GPL-2.0-only WITH Classpath-exception-2.0",
        ),
    ],
)
def test_all_licences_together_are_one_expression(names: list[str], expression: str) -> None:
    assert read_licence(names) == Licence(expression=expression, references=())


def test_none_is_none() -> None:
    assert read_licence([]) is None
    assert read_licence(["", " "]) is None


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("Unfree redistributable", "LicenseRef-Unfree-redistributable"),
        ("ours (1.0)", "LicenseRef-ours-1.0"),
        ("MIT AND nobody-knows", "LicenseRef-MIT-AND-nobody-knows"),
        ("AND", "LicenseRef-AND"),
        ("((", "LicenseRef-unnamed"),
    ],
)
def test_what_spdx_does_not_know_becomes_a_reference(name: str, reference: str) -> None:
    assert read_licence([name]) == Licence(expression=reference, references=((reference, name),))


def test_a_reference_of_the_set_is_told_what_it_stands_for() -> None:
    found = read_licence(["Apache-2.0 AND LicenseRef-tz-public-domain"])
    assert found is not None
    assert found.expression == "Apache-2.0 AND LicenseRef-tz-public-domain"
    assert [name for name, _ in found.references] == ["LicenseRef-tz-public-domain"]
