"""What the quick commands do not pay for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import EXAMPLES, ROOT
from tests.unit.registry.images import make_layout

_HEAVY = ("sigstore", "cryptography", "requests", "urllib3", "jinja2", "packaging", "rich")
_PROGRAM = """
import sys
from nixgen.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as ending:
    assert ending.code == 0, ending.code
print("modules", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def imported_by(*arguments: str | Path) -> set[str]:
    """The packages that a command has imported at its end; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.splitlines()[-1].split())
    assert "modules" in imported
    return imported


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["schema"], ["check", str(EXAMPLES / "profiles")]],
    ids=lambda arguments: arguments[0],
)
def test_quick_commands_import_nothing_heavy(arguments: list[str]) -> None:
    imported = imported_by(*arguments)
    assert imported.isdisjoint(_HEAVY), imported & set(_HEAVY)


def test_only_keyless_signatures_pay_for_sigstore(tmp_path: Path) -> None:
    image = make_layout(tmp_path, platforms=("linux/amd64",)).path
    key = tmp_path / "team"
    for arguments in (
        ("key", "generate", "-o", key),
        ("sign", image, "--key", f"{key}.key", "--only-signature"),
        ("verify", image, "--key", f"{key}.pub"),
    ):
        assert "sigstore" not in imported_by(*arguments), arguments
