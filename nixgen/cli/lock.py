"""`nixgen lock`: write the lockfile, or say whether it still fits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.options import (
    CaFileOption,
    DescriptionArgument,
    JsonOption,
    PlainHttpOption,
    StoreOption,
    make_nix,
    make_request,
)
from nixgen.cli.output import end, print_json, print_note, print_result, reporting_errors
from nixgen.errors import EXIT_ANSWER_IS_NO, LockError

if TYPE_CHECKING:
    from nixgen.nixcli import Nix
    from nixgen.pipeline.prepare import Request

_DEFAULT = Path("app.toml")


def lock(
    description: DescriptionArgument = _DEFAULT,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when the lock does not fit.")
    ] = False,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pin package set and base images in nixgen.lock.

    Results of earlier pins are forgotten.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline import locking

        request = make_request(description, plain_http=plain_http, ca_file=ca_file)
        nix = make_nix(store=store)
        if check:
            problem = _problem(request, nix)
            if as_json:
                print_json({"fits": problem is None, "problem": problem})
            elif problem is None:
                print_result("the lockfile fits")
            else:
                print_note(problem)
            if problem is not None:
                end(EXIT_ANSWER_IS_NO)
            return
        path, changed = locking.write_new_lock(request, nix)
        if as_json:
            print_json({"path": str(path), "changed": changed})
        else:
            print_result(f"{path}{'' if changed else ': nothing to change'}")


def _problem(request: Request, nix: Nix) -> str | None:
    from nixgen.pipeline import locking

    try:
        locking.check_lock(request, nix)
    except LockError as error:
        return str(error)
    return None
