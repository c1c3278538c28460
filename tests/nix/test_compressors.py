"""The compressor comes from the package set, and a set may lack it."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import run_cli
from tests.nix.sets import make_stand_in


def test_a_set_without_the_compressor_is_named_with_what_to_choose(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    make_stand_in(folder / "inner")
    (folder / "default.nix").write_text(
        'arguments: builtins.removeAttrs (import ./inner arguments) [ "pigz" ]\n'
    )
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.toml").write_text(
        f'[app]\nname = "x"\n[packages]\nset = "{folder}"\n[image]\nca-certificates = false\n'
        'contents = ["lua"]\n'
    )
    done = run_cli("plan", project)
    assert done.exit_code == 2
    assert 'no pigz, which image.compression = "gzip" needs' in done.stderr
