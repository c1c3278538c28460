"""What a name on the command line stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from nixgen.errors import UsageError
from nixgen.oci.reference import ImagePlace
from nixgen.pipeline.copying import open_image
from nixgen.pipeline.naming import EngineTarget, parse_source, parse_target
from nixgen.pipeline.publish import RegistryAccess
from nixgen.registry import ImageReference


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out.d").mkdir()
    (tmp_path / "shop.oci").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "path", "tag"),
    [
        ("shop.oci", "shop.oci", None),
        ("shop.oci:1.0", "shop.oci", "1.0"),
        ("new.oci:1.0", "new.oci", "1.0"),
        ("./registry.example/app", "registry.example/app", None),
        ("../x/app:1", "../x/app", "1"),
        ("/abs/app.tar", "/abs/app.tar", None),
        ("out.d/new.oci", "out.d/new.oci", None),
        ("results/new.oci", "results/new.oci", None),
        ("oci:registry.example/app:1", "registry.example/app", "1"),
        ("docker-archive:x.tar:shop:1", "x.tar", "shop:1"),
    ],
)
def test_places(text: str, path: str, tag: str | None) -> None:
    place = parse_source(text)
    assert isinstance(place, ImagePlace)
    assert (place.path, place.tag) == (Path(path), tag)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("registry.example/team/app:1", "registry.example/team/app:1"),
        ("localhost/app", "localhost/app"),
        ("localhost:5000/app:1", "localhost:5000/app:1"),
        ("docker://alpine:3", "docker.io/library/alpine:3"),
        ("docker://shop.oci/app", "shop.oci/app"),
    ],
)
def test_references(text: str, whole: str) -> None:
    assert parse_source(text) == ImageReference.parse(whole)


@pytest.mark.parametrize(
    ("text", "engine", "names"),
    [
        ("docker:", "docker", ()),
        ("podman:shop", "podman", ("shop:latest",)),
        ("docker:localhost:5000/shop", "docker", ("localhost:5000/shop:latest",)),
        ("docker:team/shop:1", "docker", ("team/shop:1",)),
    ],
)
def test_engines(text: str, engine: str, names: tuple[str, ...]) -> None:
    assert parse_target(text) == EngineTarget(engine=engine, names=names)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="can't be read from there"):
        parse_source(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("docker-daemon:shop:1", "write docker:shop:1"),
        ("containers-storage:shop", "write podman:shop"),
        ("https://registry.example/shop", "write docker://registry.example/shop"),
        ("dir:shop", "write oci:shop"),
    ],
)
def test_words_of_other_tools_are_told_with_ours(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match="is no prefix here") as caught:
        parse_target(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("shop.ocl", "did you mean shop.oci?"),
        ("team/shop:1", "an image of a registry is written docker://docker.io/team/shop:1"),
        ("alpine", "an image of a registry is written docker://docker.io/library/alpine"),
        ("./nowhere", None),
    ],
)
def test_what_is_not_there_is_told_with_a_guess(text: str, hint: str | None) -> None:
    with (
        pytest.raises(UsageError, match="no image at") as caught,
        open_image(text, RegistryAccess(environ={})),
    ):
        pass
    assert caught.value.hint == hint


@pytest.mark.parametrize("text", ["podman:UPPER", "docker:a:b:c", f"docker:x@sha256:{'0' * 64}"])
def test_malformed_names_for_engines_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text)
