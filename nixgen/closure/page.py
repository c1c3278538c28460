"""Closures as one HTML file that a person can explore: nothing is loaded from anywhere.

The page's parts are in `templates/closure`. What comes from a closure reaches it as JSON in a block
that is no script (https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements),
and the scripts make text of it, never markup. The content security policy lets nothing else run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from string import Template
from typing import Any

from nixgen import resources
from nixgen.closure.report import ClosureFigures, PackageFigures
from nixgen.closure.variants import format_variants

_SCRIPTS = ("model.js", "treemap.js", "tree.js", "packages.js", "page.js")
_SHOWN_NAMES = 6
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def make_page(closures: Sequence[ClosureFigures]) -> bytes:
    """The page of one or several platforms' closures; the same closures give the same bytes."""
    folder = resources.templates_dir() / "closure"
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = "".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    page = Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
        policy=_policy(style=style, script=script),
        title=html.escape(_title(closures)),
        style=style,
        script=script,
        data=_format_data({"platforms": [_describe(each) for each in closures]}),
    )
    # why: the name of an image on disk may be no UTF-8.
    return page.encode("utf-8", "replace")


def _title(closures: Sequence[ClosureFigures]) -> str:
    return ", ".join(dict.fromkeys(each.image for each in closures))


def _policy(*, style: str, script: str) -> str:
    """See https://www.w3.org/TR/CSP3/; sources named by hash are the only ones there are."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_source(style)}'",
            f"script-src '{_source(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _format_data(document: Any) -> str:
    """JSON in ASCII in which nothing can end the block that holds it."""
    return json.dumps(document, separators=(",", ":")).translate(_ESCAPES)


def _describe(figures: ClosureFigures) -> dict[str, Any]:
    """One closure; packages name each other by their place in the list."""
    numbers = {package.path: number for number, package in enumerate(figures.packages)}
    kinds = figures.usage.bytes_by_kind
    return {
        "platform": figures.platform,
        "image": figures.image,
        "variants": list(format_variants(figures.variants)),
        "kinds": {str(kind): size for kind, size in kinds.items()},
        "packages": [_describe_package(each, figures, numbers) for each in figures.packages],
    }


def _describe_package(
    package: PackageFigures, figures: ClosureFigures, numbers: dict[str, int]
) -> dict[str, Any]:
    name, version = package.package
    named = figures.named_by.get(package.path, ())
    of_root = {"named": list(named[:_SHOWN_NAMES]), "named_count": len(named)}
    return {
        "path": package.path,
        "name": name,
        "version": version,
        "size": package.size_bytes,
        "added": package.added_bytes,
        "dominator": -1 if package.dominator is None else numbers[package.dominator],
        "references": [numbers[each] for each in package.references],
        "files": package.usage.file_count,
        "kinds": {str(kind): size for kind, size in package.usage.bytes_by_kind.items()},
        **(of_root if package.path in figures.roots else {}),
    }
