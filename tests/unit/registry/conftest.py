from collections.abc import Iterator

import pytest

from nixgen.registry import Credentials, ImageReference, Limits, Login, Registry
from tests.fakes.registry import PASSWORD, USER, FakeRegistry, serving

LIMITS = Limits(connect_s=5, read_s=20, small_s=20, total_s=20, tries=4, back_off_s=0.001)
LOGIN = Credentials(explicit=Login(username=USER, password=PASSWORD))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with serving() as fake:
        yield fake


@pytest.fixture
def registry(fake: FakeRegistry) -> Iterator[Registry]:
    with open_registry(fake) as registry:
        yield registry


def open_registry(
    fake: FakeRegistry,
    name: str = "team/app:v1",
    *,
    limits: Limits = LIMITS,
    credentials: Credentials | None = None,
) -> Registry:
    reference = ImageReference.parse(f"{fake.host}/{name}")
    return Registry(reference, limits=limits, credentials=credentials)
