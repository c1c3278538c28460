from collections.abc import Iterator
from pathlib import Path

import pytest

from nixgen.attest.keys import KeyPair, PrivateKey, generate, load_private
from nixgen.pipeline.publish import RegistryAccess
from nixgen.registry import ImageReference, push
from tests.fakes.registry import FakeRegistry, serving
from tests.layouts import Layout
from tests.unit.registry.images import make_layout, stored


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def access(tmp_path: Path) -> RegistryAccess:
    return RegistryAccess(environ={"HOME": str(tmp_path)})


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return generate(tmp_path / "team", None)


@pytest.fixture
def key(pair: KeyPair) -> PrivateKey:
    return load_private(pair.private_path, None)


@pytest.fixture
def other_key(tmp_path: Path) -> PrivateKey:
    return load_private(generate(tmp_path / "other", None).private_path, None)


@pytest.fixture(params=[1, 2], ids=["one", "index"])
def layout(request: pytest.FixtureRequest, tmp_path: Path) -> Layout:
    platforms = ("linux/amd64", "linux/arm64")[: request.param]
    return make_layout(tmp_path / "made", platforms=platforms)


@pytest.fixture(params=["layout", "interface", "tag"])
def place(request: pytest.FixtureRequest, layout: Layout, access: RegistryAccess) -> Iterator[str]:
    """An image where signatures can be attached to it, by name."""
    if request.param == "layout":
        yield str(layout.path)
        return
    with serving(referrers_api=request.param == "interface") as fake:
        yield pushed(fake, layout, access)


def pushed(fake: FakeRegistry, layout: Layout, access: RegistryAccess) -> str:
    name = f"{fake.host}/team/app:v1"
    with access.open(ImageReference.parse(name)) as registry:
        push(stored(layout), registry)
    return name
