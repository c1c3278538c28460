"""Whether the program that an image starts is in the image at all."""

from __future__ import annotations

from nixgen.runtime import ImageProcess, RunnableImage, make_command, open_workspace


def check_entrypoint(image: RunnableImage) -> None:
    """Raise BuildError where the image's program is not in the image; none at all is fine.

    Nothing is run, and `image.layout` need not be there yet.
    """
    config = image.conf.config
    if not config.get("Entrypoint") and not config.get("Cmd"):
        return
    with open_workspace(image) as workspace:
        make_command(ImageProcess.of(image, workspace.files), workspace.files)
