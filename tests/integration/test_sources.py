"""Sources with the real programs: apt, pip and Nix, each on the loopback or by its own set-up."""

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile
from pathlib import Path

import pytest

from nixgen.progress import Silent
from nixgen.resources import nix_dir
from nixgen.sources import Source, Supply, fetch_all, make_supply, read_catalogue
from nixgen.sources.answer import Answer, Miss, Obtained
from nixgen.sources.model import DebianSource, PythonPackage
from nixgen.sources.nar import nar_digest
from tests.unit.sources.world import CONTENT, Web, make_source, serving

DEBIAN_PATH = "pool/main/h/hello"


@pytest.fixture
def supply(tmp_path: Path) -> Supply:
    return make_supply({"XDG_CACHE_HOME": str(tmp_path / "cache")})


def ask(supply: Supply, source: Source, folder: Path) -> list[Answer]:
    """What each offer of the publishers answers."""
    answers: list[Answer] = []
    for number, offer in enumerate(supply.places[-1].offers(source)):
        (folder / str(number)).mkdir(parents=True)
        answers.append(offer.get(folder / str(number)))
    return answers


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt of its own; gives its folder of source lists."""
    root = tmp_path / "apt"
    for folder in ("etc/sources.list.d", "etc/apt.conf.d", "etc/preferences.d", "state", "cache"):
        (root / folder).mkdir(parents=True)
    (root / "apt.conf").write_text(
        f'Dir::Etc "{root}/etc"; Dir::State "{root}/state"; Dir::Cache "{root}/cache";\n'
        'Acquire::http::Proxy "";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(root / "apt.conf"))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return root / "etc" / "sources.list.d"


def test_apts_own_lists_in_both_formats_give_the_archives(
    apt: Path, supply: Supply, tmp_path: Path
) -> None:
    with serving() as web:
        web.serve(f"/new/{DEBIAN_PATH}/hello_1.0.orig.tar.gz", CONTENT)
        (apt / "old.list").write_text(f"deb [trusted=yes] {web.url}/old stable main contrib\n")
        (apt / "new.sources").write_text(
            f"Types: deb\nURIs: {web.url}/new\nSuites: a b\nComponents: main\n\n"
            f"Enabled: no\nTypes: deb\nURIs: {web.url}/off\nSuites: a\nComponents: main\n"
        )
        file = "hello_1.0.orig.tar.gz"
        origin = DebianSource(package="hello", version="1.0-1", file=file, path=DEBIAN_PATH)
        found, missed = sorted(
            ask(supply, make_source(origins=(origin,)), tmp_path / "work"),
            key=lambda answer: isinstance(answer, Miss),
        )
        assert missed == Miss(reason="answers 404 Not Found")
        assert isinstance(found, Obtained)
        assert found.path.read_bytes() == CONTENT
        assert sorted(web.asked) == [f"/{a}/{DEBIAN_PATH}/{file}" for a in ("new", "old")]


def test_a_list_of_mirrors_works_through_apt(apt: Path, supply: Supply, tmp_path: Path) -> None:
    with serving() as web:
        web.serve(f"/debian/{DEBIAN_PATH}/hello_1.0.orig.tar.gz", CONTENT)
        mirrors = tmp_path / "mirrors.list"
        mirrors.write_text(f"{web.url}/debian\n")
        (apt / "m.list").write_text(f"deb mirror+file:{mirrors} stable main\n")
        file = "hello_1.0.orig.tar.gz"
        origin = DebianSource(package="hello", version="1.0-1", file=file, path=DEBIAN_PATH)
        gone = dataclasses.replace(origin, file="gone.tar.gz")
        found, missed = ask(supply, make_source(origins=(origin, gone)), tmp_path / "work")
        assert isinstance(found, Obtained), found
        assert found.path.read_bytes() == CONTENT
        assert isinstance(missed, Miss)
        assert "404" in missed.reason


def make_wheel(name: str, content: bytes) -> bytes:
    path = Path(name)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("demo/data", content)
        archive.writestr("demo-1.0.dist-info/METADATA", "Name: demo\nVersion: 1.0\n")
        archive.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr("demo-1.0.dist-info/RECORD", "")
    return path.read_bytes()


def make_archive_that_must_not_run() -> bytes:
    """A source archive whose build code leaves a trace in the current folder."""
    trace = Path("trace").resolve()
    Path("setup.py").write_text(f"open({str(trace)!r}, 'w')\nraise SystemExit(1)\n")
    Path("inner.txt").write_bytes(CONTENT)
    with tarfile.open("demo-1.0.tar.gz", "w:gz") as tar:
        tar.add("setup.py", "demo-1.0/setup.py")
        tar.add("inner.txt", "demo-1.0/deps/inner.txt")
    return Path("demo-1.0.tar.gz").read_bytes()


FOREIGN = "demo-1.0-cp39-cp39-manylinux_2_17_s390x.manylinux2014_s390x.whl"
PLAIN = "demo-1.0-py3-none-any.whl"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Files on a package index that pip is set up for, with constraints in its way."""
    monkeypatch.chdir(tmp_path)
    files = {
        PLAIN: make_wheel(PLAIN, b"plain"),
        FOREIGN: make_wheel(FOREIGN, b"foreign"),
        "demo-1.0.tar.gz": make_archive_that_must_not_run(),
    }
    (tmp_path / "constraints.txt").write_text("demo==0.9\n")
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = @URL@\nconstraint = {tmp_path}/constraints.txt\n"
        "[download]\nno-binary = :all:\n"
    )
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    return files


def publish(web: Web, files: dict[str, bytes], tmp_path: Path) -> None:
    links = "".join(f'<a href="/files/{name}">{name}</a>' for name in sorted(files))
    for name, content in files.items():
        web.serve(f"/files/{name}", content)

    def page(handler: object) -> None:
        body = f"<html><body>{links}</body></html>".encode()
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Type", "text/html")  # type: ignore[attr-defined]
        handler.send_header("Content-Length", str(len(body)))  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(body)  # type: ignore[attr-defined]

    web.pages["/simple/demo/"] = page
    conf = tmp_path / "pip.conf"
    conf.write_text(conf.read_text().replace("@URL@", f"{web.url}/simple"))


@pytest.mark.parametrize("file", [PLAIN, FOREIGN])
def test_pip_gets_a_wheel_of_any_platform_whatever_its_own_preferences(
    index: dict[str, bytes], supply: Supply, tmp_path: Path, file: str
) -> None:
    origin = PythonPackage(package="demo", version="1.0", file=file)
    with serving() as web:
        publish(web, index, tmp_path)
        source = make_source(content=index[file], origins=(origin,))
        (answer,) = ask(supply, source, tmp_path / "work")
    assert isinstance(answer, Obtained), answer
    assert answer.path.read_bytes() == index[file]


def test_another_wheel_by_that_name_is_told_with_its_hash(
    index: dict[str, bytes], supply: Supply, tmp_path: Path
) -> None:
    origin = PythonPackage(package="demo", version="1.0", file=PLAIN)
    with serving() as web:
        publish(web, index, tmp_path)
        (answer,) = ask(supply, make_source(origins=(origin,)), tmp_path / "work")
    got = hashlib.sha256(index[PLAIN]).hexdigest()
    assert answer == Miss(reason=f"SHA-256 is {got}", wrong_content=True)


def test_a_source_archive_is_taken_without_running_its_code(
    index: dict[str, bytes], supply: Supply, tmp_path: Path
) -> None:
    file = "demo-1.0.tar.gz"
    whole = PythonPackage(package="demo", version="1.0", file=file)
    inner = dataclasses.replace(whole, member="demo-1.0/deps/inner.txt")
    with serving() as web:
        publish(web, index, tmp_path)
        source = make_source(content=index[file], origins=(whole,))
        (answer,) = ask(supply, source, tmp_path / "whole")
        (within,) = ask(supply, make_source(origins=(inner,)), tmp_path / "inner")
    assert isinstance(answer, Obtained), answer
    assert answer.path.read_bytes() == index[file]
    assert isinstance(within, Obtained), within
    assert within.path.read_bytes() == CONTENT
    assert not (tmp_path / "trace").exists()


def test_a_version_that_the_index_lacks_is_told_in_pips_words(
    index: dict[str, bytes], supply: Supply, tmp_path: Path
) -> None:
    file = "demo-7-py3-none-any.whl"
    origin = PythonPackage(package="demo", version="7", file=file)
    with serving() as web:
        publish(web, index, tmp_path)
        (answer,) = ask(supply, make_source(origins=(origin,)), tmp_path / "work")
    assert isinstance(answer, Miss)
    assert "No matching distribution found for demo==7" in answer.reason


def test_this_machines_own_apt_and_pip_give_bundled_sources(supply: Supply, tmp_path: Path) -> None:
    catalogue = read_catalogue(nix_dir() / "bundled" / "sources.json")
    chosen = [
        next(
            source
            for source in sorted(catalogue.sources, key=lambda source: source.size_bytes)
            if isinstance(source.origins[0], kind)
        )
        for kind in (DebianSource, PythonPackage)
    ]
    fetched = fetch_all(tmp_path / "folder", chosen, supply=supply, reporter=Silent())
    assert [one.where is not None for one in fetched] == [True, True]
    subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path / "folder", check=True
    )


def test_nix_itself_agrees_on_hashes_and_store_paths(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "ü").write_bytes(b"x" * 100_001)
    (tree / "run").write_bytes(b"")
    (tree / "run").chmod(0o755)
    (tree / "link").symlink_to("nowhere")

    def nix(*argv: str) -> str:
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    assert nix("nix-hash", "--type", "sha256", str(tree)) == nar_digest(tree).hex
    source = make_source()
    path = nix("nix-store", "--print-fixed-path", "sha256", source.digest.hex, source.file)
    assert source.store_path() == path


HANGING = """
    import os, sys
    from pathlib import Path
    from nixgen.progress import Silent
    from nixgen.sources import fetch_all, make_supply
    from nixgen.sources.model import PythonPackage, Upstream
    from tests.unit.sources.world import make_source

    slow = make_source("slow-1", origins=(Upstream(url=sys.argv[1]),))
    wheel = PythonPackage(package="demo", version="1", file="demo-1-py3-none-any.whl")
    by_pip = make_source("pip-1", content=b"2", origins=(wheel,))
    supply = make_supply(os.environ)
    print("begun", flush=True)
    fetch_all(Path(sys.argv[2]), [slow, by_pip], supply=supply, reporter=Silent())
"""


def test_an_interrupt_ends_downloads_and_programs_and_leaves_nothing(tmp_path: Path) -> None:
    def hang(handler: object) -> None:
        time.sleep(30)

    with serving() as web:
        web.pages["/slow"] = hang
        web.pages["/simple/demo/"] = hang
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "PIP_INDEX_URL": f"{web.url}/simple",
            "PIP_CONFIG_FILE": os.devnull,
        }
        program = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(HANGING), web.url + "/slow", tmp_path / "dest"],
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 60
        while len(web.asked) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert sorted(web.asked) == ["/simple/demo/", "/slow"]
        program.send_signal(signal.SIGINT)
        _, stderr = program.communicate(timeout=20)
    assert b"KeyboardInterrupt" in stderr
    assert program.returncode in (1, -signal.SIGINT)
    assert list((tmp_path / "cache" / "nixgen" / "sources").iterdir()) == []
    assert list((tmp_path / "dest").iterdir()) == []
