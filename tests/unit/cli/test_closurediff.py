"""How `nixgen closure --diff` pairs the platforms of two images, and what it says."""

from __future__ import annotations

import json

import pytest

from nixgen.cli.closurediff import show_changes
from nixgen.closure.report import ClosureFigures
from nixgen.errors import UsageError
from tests.closures import Made, make_closure


def _closure(platform: str, size_bytes: int = 10, *, named: bool = True) -> ClosureFigures:
    packages = {
        "app-1": Made(kinds={"code": size_bytes}),
        f"extra-{size_bytes}": Made(kinds={"docs": 1500}),
    }
    if size_bytes == 10:
        del packages["extra-10"]
    return make_closure(packages, roots=sorted(packages), platform=platform, named=named)


def _document(
    before: list[ClosureFigures],
    after: list[ClosureFigures],
    capsys: pytest.CaptureFixture[str],
) -> dict[str, object]:
    show_changes(before, after, as_json=True)
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_platforms_that_both_have_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    before = [_closure("linux/amd64"), _closure("linux/arm64")]
    after = [_closure("linux/arm64", 30), _closure("linux/riscv64")]
    document = _document(before, after, capsys)
    assert document["only_before"] == ["linux/amd64"]
    assert document["only_after"] == ["linux/riscv64"]
    (platform,) = document["platforms"]  # type: ignore[misc]
    assert platform["platform"] == "linux/arm64"
    assert platform["size_change"] == 1520
    show_changes(before, after, as_json=False)
    text = capsys.readouterr().out
    assert "linux/amd64: is there no more" in text
    assert "linux/riscv64: is new" in text


def test_two_images_of_one_platform_each_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = [_closure("linux/amd64")], [_closure("linux/arm64", 30)]
    assert _document(before, after, capsys)["only_before"] == []
    show_changes(before, after, as_json=False)
    head = capsys.readouterr().out.splitlines()[0]
    assert head == (
        "made:1 for linux/arm64: 1.5 kB in files of 2 store paths; "
        "+1.5 kB against 10 B in 1 for linux/amd64"
    )


def test_no_platform_in_common_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="one is for linux/amd64, the other for linux/arm64, lin"):
        show_changes(
            [_closure("linux/amd64")],
            [_closure("linux/arm64"), _closure("linux/386")],
            as_json=False,
        )


@pytest.mark.parametrize(
    ("named", "because"),
    [
        (True, "because the image now names extra-30 (config Entrypoint)"),
        (False, "because extra-30 is now in the image, though nothing refers to it"),
    ],
)
def test_what_the_image_holds_by_itself_is_told(
    capsys: pytest.CaptureFixture[str], named: bool, because: str
) -> None:
    show_changes(
        [_closure("linux/amd64")], [_closure("linux/amd64", 30, named=named)], as_json=False
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "files: docs +1.5 kB, code +20 B"
    assert lines[3].strip() == f"+1.5 kB  {because}"
    assert lines[4].strip() == "+1.5 kB  new      extra 30"
    assert lines[6:] == ["referred to as before:", "     +20 B  grown    app 1: code +20 B"]
