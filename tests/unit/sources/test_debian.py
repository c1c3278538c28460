from pathlib import Path

import pytest

from nixgen.sources.answer import Miss, Obtained
from nixgen.sources.debian import DebianArchives
from nixgen.sources.download import Downloader
from nixgen.sources.model import DebianSource
from tests.fakes.runner import Answer, FakeRunner
from tests.unit.sources.world import CONTENT, Web

URIS = ("apt-get", "update", "--print-uris")
OPTIONS = ("apt-config", "dump", "--format", "%F %v%n", "Acquire::http", "Acquire::https")
LOGINS = ("apt-config", "shell", "FILE", "Dir::Etc::netrc/f", "DIR", "Dir::Etc::netrcparts/d")
ORIGIN = DebianSource(
    package="lua5.4", version="5.4.7-1", file="lua_5.4.7+x~1.orig.tar.gz", path="pool/main/l/lua5.4"
)
NO_SETTINGS = "Acquire::http \nAcquire::http::Timeout 30\nAcquire::https \n"

pytestmark = pytest.mark.usefixtures("clean_environment")


def index(base: str, rest: str = "stable/main/binary-amd64/Packages.xz") -> str:
    return f"'{base}/dists/{rest}' some_file_name 0 \n"


def make_archives(
    downloader: Downloader, uris: str, *, options: str = NO_SETTINGS, logins: str = ""
) -> DebianArchives:
    answers = {URIS: Answer(stdout=uris), OPTIONS: Answer(stdout=options)}
    runner = FakeRunner(answers={**answers, LOGINS: Answer(stdout=logins)})
    return DebianArchives(downloader=downloader, runner=runner)


@pytest.fixture(autouse=True)
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "apt-get").write_text("")
    (tmp_path / "bin" / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_archives_are_derived_from_the_binary_entries_once_each(downloader: Downloader) -> None:
    archives = make_archives(
        downloader,
        index("http://one.example/debian", "bookworm/InRelease")
        + index("http://one.example/debian")
        + index("http://one.example/debian", "stable-updates/main/binary-all/Packages.xz")
        + index("http://two.example/security", "stable/updates/main/binary-amd64/Packages.xz")
        + index("http://other.example/repo", "stable/stable/binary-amd64/Packages.xz")
        + "'http://flat.example/./Packages.xz' flat 0 \n",
    )
    assert archives.archives().bases == ("http://one.example/debian", "http://two.example/security")
    assert not archives.archives().through_apt
    list(archives.offers(ORIGIN, max_bytes=None))
    assert isinstance(archives.runner, FakeRunner)
    assert archives.runner.calls == [URIS, OPTIONS, LOGINS]


def test_a_file_comes_from_the_pool(downloader: Downloader, web: Web, tmp_path: Path) -> None:
    web.serve("/debian/pool/main/l/lua5.4/lua_5.4.7+x~1.orig.tar.gz", CONTENT)
    archives = make_archives(downloader, index(web.url + "/debian"))
    (offer,) = archives.offers(ORIGIN, max_bytes=len(CONTENT))
    assert offer.where == web.url + "/debian/pool/main/l/lua5.4/lua_5.4.7+x~1.orig.tar.gz"
    assert not offer.runs_program
    answer = offer.get(tmp_path)
    assert isinstance(answer, Obtained)
    assert answer.path.read_bytes() == CONTENT


def test_an_archive_on_disk_is_read_where_it_is(downloader: Downloader, tmp_path: Path) -> None:
    pool = tmp_path / "mirror" / ORIGIN.path
    pool.mkdir(parents=True)
    (pool / ORIGIN.file).write_bytes(CONTENT)
    archives = make_archives(downloader, index(f"file:{tmp_path}/mirror"))
    (offer,) = archives.offers(ORIGIN, max_bytes=None)
    answer = offer.get(tmp_path)
    assert isinstance(answer, Obtained)
    assert answer.lent
    assert answer.path == pool / ORIGIN.file


@pytest.mark.parametrize(
    ("base", "options"),
    [
        ("http://m.example/debian", "Acquire::http::Proxy http://127.0.0.1:3142\n"),
        ("http://m.example/debian", "Acquire::http::Proxy::m.example DIRECT\n"),
        ("http://m.example/debian", "Acquire::http::Proxy-Auto-Detect /usr/bin/detect\n"),
        ("https://m.example/debian", "Acquire::https::m.example::SslCert /etc/cert.pem\n"),
        ("mirror+file:/etc/apt/mirrors/debian.list", NO_SETTINGS),
    ],
)
def test_what_only_apt_can_reach_is_left_to_apt(
    downloader: Downloader, base: str, options: str
) -> None:
    archives = make_archives(downloader, index(base), options=options)
    (offer,) = archives.offers(ORIGIN, max_bytes=None)
    assert offer.runs_program


def test_logins_of_apt_leave_the_work_to_apt(downloader: Downloader, tmp_path: Path) -> None:
    parts = tmp_path / "auth.conf.d"
    parts.mkdir()
    logins = f"FILE='{tmp_path}/auth.conf'\nDIR='{parts}/'\n"
    uris = index("https://m.example/debian")
    assert not make_archives(downloader, uris, logins=logins).archives().through_apt
    (parts / "mirror.conf").write_text("machine m.example login me password secret\n")
    assert make_archives(downloader, uris, logins=logins).archives().through_apt


def test_a_login_in_an_archives_address_is_not_shown(downloader: Downloader) -> None:
    archives = make_archives(downloader, index("http://me:secret@m.example/debian"))
    (offer,) = archives.offers(ORIGIN, max_bytes=None)
    assert offer.where.startswith("http://m.example/debian/pool/")


def test_a_machine_without_archives_says_why(downloader: Downloader, tmp_path: Path) -> None:
    (offer,) = make_archives(downloader, "").offers(ORIGIN, max_bytes=None)
    assert offer.get(tmp_path) == Miss(reason="apt is set up for no Debian archive")


def test_an_apt_that_fails_is_quoted(downloader: Downloader, tmp_path: Path) -> None:
    answer = Answer(stderr=["W: x", "E: Malformed entry 1 in list file"], exit_code=100)
    archives = DebianArchives(downloader=downloader, runner=FakeRunner(answers={URIS: answer}))
    (offer,) = archives.offers(ORIGIN, max_bytes=None)
    assert offer.get(tmp_path) == Miss(
        reason="apt is set up for no Debian archive: E: Malformed entry 1 in list file"
    )


def test_a_machine_without_apt_says_so(
    downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (offer,) = make_archives(downloader, "").offers(ORIGIN, max_bytes=None)
    assert offer.get(tmp_path) == Miss(reason="apt-get is not on this machine")
