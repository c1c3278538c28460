"""Fixtures of the image writer's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nixgen.oci import BuiltImage, Compressor, ImageConf, LayerBuilder, LayerCache, build_image
from nixgen.oci.base import BaseImage
from nixgen.platforms import Platform
from tests.unit.oci.synthetic import SyntheticStore, hello_store

AMD64 = Platform.parse("linux/amd64")


@pytest.fixture
def hello(tmp_path: Path) -> tuple[SyntheticStore, ImageConf]:
    return hello_store(tmp_path / "root")


Build = Callable[..., BuiltImage]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Build an image of a synthetic store without a cache, unless one is given."""

    def make(
        synthetic: SyntheticStore,
        conf: ImageConf,
        *,
        platform: Platform = AMD64,
        cache: LayerCache | None = None,
        compressor: Compressor | None = None,
        annotations: dict[str, str] | None = None,
        base: BaseImage | None = None,
    ) -> BuiltImage:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        return build_image(
            conf,
            store=synthetic.store,
            platform=platform,
            builder=LayerBuilder(work=work, cache=cache, compressor=compressor),
            annotations=annotations,
            base=base,
        )

    return make
