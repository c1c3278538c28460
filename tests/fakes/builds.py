"""Derivations that a test can build anywhere: their builder is a program of its own making."""

from pathlib import Path

from nixgen.nixcli import Nix
from nixgen.nixexpr import Name, format_value
from nixgen.platforms import native_system
from tests.fakes.elf import Then, program


def add_program(nix: Nix, folder: Path, message: str, then: Then) -> str:
    """Put the program into the store; gives the Nix expression of its path, for pure evaluation."""
    tree = folder / "tree"
    tree.mkdir(parents=True, exist_ok=True)
    (tree / "run").write_bytes(program(message, then))
    (tree / "run").chmod(0o755)
    added = nix.add_tree(tree)
    fetched = format_value(
        {"type": "path", "path": str(added.store_path), "narHash": added.nar_hash.sri}
    )
    return f'(builtins.fetchTree {fetched} + "/run")'


def derivation(name: str, builder: str, **more: str) -> str:
    """The Nix expression of a derivation; `builder` and the values of `more` are expressions."""
    attrs = {
        "name": format_value(name),
        "system": format_value(native_system()),
        "builder": builder,
        "args": '[ (placeholder "out") ]',
        **more,
    }
    lines = " ".join(f"{format_value(Name(key))} = {value};" for key, value in attrs.items())
    return f"derivation {{ {lines} }}"
