"""The `nixgen` program: the commands, and what becomes of errors in the call itself."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

import nixgen
from nixgen._process import ending_on_signals
from nixgen.cli import (
    cache,
    closure,
    copy,
    describe,
    diff,
    doctor,
    image,
    inspect,
    inspection,
    key,
    layers,
    lock,
    provenance,
    registry,
    run,
    sbom,
    signing,
    size,
    slim,
    sources,
    store,
    test,
    verify,
    why,
    write,
)
from nixgen.cli.output import (
    end,
    open_missing_streams,
    print_json,
    print_note,
    print_result,
    reporting_errors,
)
from nixgen.errors import EXIT_INTERRUPTED, UsageError

app = typer.Typer(
    name="nixgen",
    help="Compile a short app description into a small, reproducible container image, by Nix.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("init")(describe.init)
app.command("check")(describe.check)
app.command("schema")(describe.schema)
app.command("plan")(inspection.plan)
app.command("generate")(inspection.generate)
app.command("image")(image.image)
app.command("test")(test.test)
app.command("layers")(layers.layers)
app.command("closure")(closure.closure)
app.command("why")(why.why)
app.command("size")(size.size)
app.command("sbom")(sbom.sbom)
app.command("provenance")(provenance.provenance)
app.command("slim")(slim.slim)
app.command("run")(run.run)
app.command("pull")(registry.pull)
app.command("sign")(signing.sign)
app.command("verify")(verify.verify)
app.command("lock")(lock.lock)
app.command("sources")(sources.sources)
app.command("doctor")(doctor.doctor)
app.command("log")(store.log)
app.command("gc")(store.gc)
app.command("write")(write.write)
app.command("inspect")(inspect.inspect)
app.command("copy")(copy.copy)
app.command("diff")(diff.diff)
app.add_typer(cache.app, name="cache")
app.add_typer(key.key_app, name="key")


def _print_version(value: bool) -> None:
    if value:
        print_result(f"nixgen {nixgen.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Exit codes: 0 done; 1 the answer is no; 2 the description or the call is wrong;
    3 this machine can't; 4 a build failed; 5 network or registry; 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; ends by SystemExit with a documented exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    # why: what follows `--` is for the program that `run` starts.
    own = given[: given.index("--")] if "--" in given else given
    as_json = "--json" in own
    # why: SIGTERM as an exception too, so that it leaves no half-written result behind.
    open_missing_streams()
    with ending_on_signals(), reporting_errors(as_json=as_json):
        command = typer.main.get_command(app)
        try:
            code = command.main(given, prog_name="nixgen", standalone_mode=False)
        except Exception as error:
            _report_call(error, as_json=as_json)
            raise
        end(code if isinstance(code, int) else 0)


def _report_call(error: Any, *, as_json: bool) -> None:
    """Report a mistake in the call that the option parser found, and end.

    The parser's own classes are private to typer, so they are known by what they can do.
    """
    if type(error).__name__ == "Abort":
        print_note("interrupted")
        end(EXIT_INTERRUPTED)
    if not (hasattr(error, "format_message") and hasattr(error, "exit_code")):
        return
    if as_json:
        print_json(UsageError(error.format_message()).as_json())
    else:
        error.show(file=sys.stderr)
    end(error.exit_code)
