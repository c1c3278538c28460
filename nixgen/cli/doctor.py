"""`nixgen doctor`: can this machine build images, and what mends it if not."""

from __future__ import annotations

import os

from nixgen.cli.options import JsonOption, StoreOption, make_nix
from nixgen.cli.output import end, print_json, print_result, reporting_errors
from nixgen.errors import EXIT_MACHINE

_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def doctor(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Look at everything nixgen needs of this machine.

    Exit code 3 when images can't be built.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.doctor import examine
        from nixgen.oci import LayerCache
        from nixgen.pipeline.state import State

        folders = {
            "state folder": State.of_user(os.environ).folder,
            "layer cache": LayerCache.default_folder(),
        }
        findings = examine(make_nix(store=store), folders=folders)
        if as_json:
            print_json({"findings": [finding.as_json() for finding in findings]})
        else:
            for finding in findings:
                print_result(f"{_MARKS[finding.status]}  {finding.name}: {finding.detail}")
                if finding.hint:
                    print_result(f"      {finding.hint}")
        if any(finding.status == "fail" for finding in findings):
            end(EXIT_MACHINE)
