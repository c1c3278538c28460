"""What the rules leave of store paths, against slow, obvious oracles."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.closure.rules import SAFE_RULES, Minimising
from nixgen.closure.selection import keep_files, reach, referred_to
from nixgen.errors import MachineError

_HASHES = [letter * 32 for letter in "abcdfg"]
_PATHS = [f"/nix/store/{each}-{each[0]}" for each in _HASHES]
_FILES = [
    "bin/run",
    "share/man/man1/a.1",
    "share/doc/x/COPYING",
    "lib/b.a",
    "include/h/i.h",
    "etc/c",
]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("share/man/man1/tool.1.gz", "man"),
        ("share/info/dir", "info"),
        ("share/doc/tool/README", "docs"),
        ("share/doc/tool/COPYING.LIB", None),
        ("share/doc/tool/LICENSE", None),
        ("doc/html/index.html", "docs"),
        ("include/zlib.h", "headers"),
        ("lib/libz.a", "static-libraries"),
        ("lib/deep/libz.a", "static-libraries"),
        ("lib/libz.so.1", None),
        ("lib/libz.la", "build-files"),
        ("nix-support/propagated-build-inputs", "build-files"),
        ("lib/debug/.build-id/aa/b.debug", "debug"),
        ("share/bash-completion/completions/tool", "completions"),
        ("lib/python3.13/json/tests/__pycache__/t.cpython-313.pyc", "test-byte-code"),
        ("lib/python3.13/json/tests/t.py", None),
        ("srv/site/include/menu.html", None),
        ("srv/site/doc/man/index.html", None),
        ("bin/man", None),
        ("share/locale/de/LC_MESSAGES/tool.mo", None),
    ],
)
def test_safe_leaves_out_what_no_program_reads(file: str, reason: str | None) -> None:
    assert Minimising(mode="safe").reason(file) == reason
    assert Minimising(mode="none").reason(file) is None


def test_what_a_user_keeps_stays_and_what_a_user_drops_goes() -> None:
    rules = Minimising(mode="safe", keep=("share/man/man1",), drop=("share/locale/**", "**/*.1"))
    assert rules.reason("share/man/man1/tool.1") is None
    assert rules.reason("share/man/man5/tool.5") == "man"
    assert rules.reason("share/locale/de/a.mo") == "share/locale/**"
    assert Minimising(drop=("etc",)).reason("etc/licence") == "etc"


def test_rules_have_names_of_their_own() -> None:
    assert len({rule.name for rule in SAFE_RULES}) == len(SAFE_RULES)


def _make(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_folders_that_the_rules_emptied_go_with_their_files(tmp_path: Path) -> None:
    _make(tmp_path / "a", dict.fromkeys(["share/man/man1/x.1", "share/man/de/y.1", "bin/x"], "12"))
    (tmp_path / "a/share/man/empty").mkdir()
    (tmp_path / "a/var/empty").mkdir(parents=True)
    kept = keep_files("a", lambda path: tmp_path / path, Minimising(mode="safe"))
    assert kept.files == ("bin/x",)
    assert kept.emptied == (
        "share/man/de",
        "share/man/empty",
        "share/man/man1",
        "share/man",
        "share",
    )
    assert [(each.file, each.reason, each.size_bytes) for each in kept.left_out] == [
        ("share/man/de/y.1", "man", 2),
        ("share/man/man1/x.1", "man", 2),
    ]


def test_a_store_path_that_is_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    kept = keep_files("a", lambda path: tmp_path / path, Minimising(mode="safe", drop=("**",)))
    assert (kept.files, kept.left_out) == (("",), ())


def test_a_store_path_stays_a_folder_when_nothing_is_left_in_it(tmp_path: Path) -> None:
    _make(tmp_path / "a", {"share/man/x.1": ""})
    kept = keep_files("a", lambda path: tmp_path / path, Minimising(mode="safe"))
    assert kept.files == ()
    assert kept.absent == {"share/man/x.1", "share/man", "share"}


@st.composite
def stores(draw: st.DrawFn) -> dict[str, dict[str, str]]:
    """Store paths with files that refer to other store paths."""
    paths = _PATHS[: draw(st.integers(1, len(_PATHS)))]
    content = st.lists(st.sampled_from(paths), max_size=2).map(lambda found: "\n".join(found) + "!")
    return {path: draw(st.dictionaries(st.sampled_from(_FILES), content)) for path in paths}


@given(stores(), st.sets(st.sampled_from(_PATHS), max_size=2), st.sampled_from(["none", "safe"]))
def test_nothing_that_kept_files_lead_to_is_lost(
    files: dict[str, dict[str, str]], roots: set[str], mode: str
) -> None:
    rules = Minimising(mode="safe" if mode == "safe" else "none")
    with tempfile.TemporaryDirectory() as folder:

        def place(path: str) -> Path:
            return Path(folder) / path.lstrip("/")

        for path, content in files.items():
            _make(place(path), content)
        kept = {path: keep_files(path, place, rules) for path in files}
        references = {
            path: [one for one in files if any(one in text for text in content.values())]
            for path, content in files.items()
        }
        reached = reach(roots, kept, references, place)
    expected = roots & files.keys()
    while True:
        texts = [
            text
            for path in expected
            for name, text in files[path].items()
            if rules.reason(name) is None
        ]
        more = {one for one in files if any(one in text for text in texts)} - expected
        if not more:
            break
        expected |= more
    assert reached == expected


def test_links_and_names_refer_too(tmp_path: Path) -> None:
    a, b, c, d = _PATHS[:4]
    _make(tmp_path / "a", {f"bin/{_HASHES[1]}.sh": "x"})
    (tmp_path / "a/bin/link").symlink_to(f"{c}/bin/x")

    def place(path: str) -> Path:
        return tmp_path / path[-1]

    kept = keep_files(a, place, Minimising())
    assert referred_to(kept, [a, b, c, d], place) == {b, c}


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="gone: can't be read"):
        keep_files("gone", lambda path: tmp_path / path, Minimising(mode="safe"))
