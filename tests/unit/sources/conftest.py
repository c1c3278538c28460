from collections.abc import Iterator
from pathlib import Path

import pytest

from nixgen.sources.download import Downloader, Limits
from tests.unit.sources.world import FakeStore, Recorder, Web, serving


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def downloader() -> Downloader:
    limits = Limits(connect_s=5, read_s=0.3, total_s=5, back_off_s=0.01, max_bytes=1 << 20)
    return Downloader(limits=limits)


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
