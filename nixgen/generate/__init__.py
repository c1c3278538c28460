"""From the Plan to generated Nix: readable files that hold plain data and call the Nix library."""

from nixgen.generate.render import GeneratedFile, render
from nixgen.generate.write import write_generated

__all__ = ["GeneratedFile", "render", "write_generated"]
