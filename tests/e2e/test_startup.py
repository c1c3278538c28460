"""What the quick commands do not pay for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.conftest import EXAMPLES, ROOT

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


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["schema"], ["check", str(EXAMPLES / "profiles")]],
    ids=lambda arguments: arguments[0],
)
def test_quick_commands_import_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.splitlines()[-1].split())
    assert "modules" in imported
    assert imported.isdisjoint(_HEAVY), imported & set(_HEAVY)
