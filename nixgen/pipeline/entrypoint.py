"""Whether the program that an image starts is in the image at all."""

from __future__ import annotations

from nixgen.errors import BuildError
from nixgen.plan.config import DEFAULT_PATH
from nixgen.rootfiles import RootFiles
from nixgen.runtime import ImageProcess, RunnableImage, make_command, open_workspace


def check_entrypoint(image: RunnableImage, base: RootFiles | None = None) -> None:
    """Raise BuildError where the image's program is not in the image; none at all is fine.

    `base` is what lies below the image. Nothing is run, and `image.layout` need not be there yet.
    """
    config = image.conf.config
    argv = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    if not argv:
        return
    with open_workspace(image) as workspace:
        files = workspace.files
        if base is None:
            make_command(ImageProcess.of(image, files), files)
            return
        env = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
        search = env.get("PATH", DEFAULT_PATH).split(":")
        folders = [config.get("WorkingDir") or "/"] if "/" in argv[0] else search
        places = [argv[0]] if argv[0].startswith("/") else [f"{f}/{argv[0]}" for f in folders]
        # why `has`: a link of this layer may lead to what only the base has.
        if any(base.is_program(place) or files.has(base.place(place)) for place in places):
            return
    raise BuildError(
        f"the image can't run {argv[0]!r}: neither its base has it nor what is added\n"
        f"  looked for: {', '.join(places)}",
        hint="add the package that has it to image.contents",
    )
