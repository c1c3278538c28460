"""Rendering the Plan through the templates: a pure function to file names and bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2

from nixgen import nixexpr, resources
from nixgen.lock import PinnedSet
from nixgen.nixexpr import NixText, RelativePath, format_comment, format_value
from nixgen.plan import BasePlan, BuildPlan, Entry, ImagePlan, Plan

_DATA_INDENT = 2
_ITEM_INDENT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedFile:
    """One file of the generated folder."""

    name: str
    content: bytes


def render(plan: Plan) -> tuple[GeneratedFile, ...]:
    """The generated folder's files, sorted by name: default.nix, one per image, plan.json."""
    files = [
        GeneratedFile(name="default.nix", content=_render_default(plan)),
        GeneratedFile(name="plan.json", content=_render_plan(plan)),
    ]
    files += [
        GeneratedFile(name=_image_file(image), content=_render_image(plan, image))
        for image in plan.images
    ]
    return tuple(sorted(files, key=lambda file: file.name))


def _image_file(image: ImagePlan) -> str:
    return f"image-{image.platform.slug}.nix"


def _render_plan(plan: Plan) -> bytes:
    return (json.dumps(plan.as_json(), indent=2, ensure_ascii=False) + "\n").encode()


def _render_default(plan: Plan) -> bytes:
    return _template(
        "default.nix.j2",
        **_origin(plan),
        machine_system=format_value(plan.machine_system),
        package_set=format_value(_set_expression(plan.package_set), indent=_DATA_INDENT),
        image_files=[format_value(RelativePath(f"./{_image_file(i)}")) for i in plan.images],
    )


def _set_expression(package_set: PinnedSet) -> dict[str, Any]:
    if package_set.kind == "bundled":
        return {"kind": "bundled"}
    return {"kind": "path", "tree": nixexpr.Name("packages")}


def _render_image(plan: Plan, image: ImagePlan) -> bytes:
    values: dict[str, Any] = {
        "platform": str(image.platform),
        "slug": image.platform.slug,
        "architecture": image.platform.architecture,
        "build_system": image.build_system,
        "host_system": image.platform.facts.system,
        "pkgs_cross": image.platform.facts.pkgs_cross,
        "name": image.name,
        "tag": image.tag,
        "created": image.created,
        "max_layers": image.max_layers,
        "layering": {"strategy": image.layer_strategy},
        "base": _base_expression(image.base),
        "contents": list(image.contents),
        "candidates": {name: list(others) for name, others in image.candidates.items()},
        "outputs": "first" if image.closure.minimise == "none" else "for-running",
        "app": {"name": plan.app_name, "version": plan.app_version},
        "build": _build_expression(image.build),
        "config": image.config,
        "entries": [_entry_expression(entry) for entry in image.entries],
    }
    written = {key: format_value(value, indent=_DATA_INDENT) for key, value in values.items()}
    return _template(
        "image.nix.j2",
        **_origin(plan),
        platform_note=format_comment(str(image.platform)),
        **written,
    )


def _base_expression(base: BasePlan | None) -> dict[str, Any] | None:
    if base is None:
        return None
    return {"links": [{"path": path, "target": target} for path, target in base.links]}


def _build_expression(build: BuildPlan | None) -> dict[str, Any] | None:
    if build is None:
        return None
    return {
        "kind": build.kind,
        "src": "" if build.src == "." else f"/{build.src}",
        "packages": list(build.packages),
        **build.data,
    }


def _entry_expression(entry: Entry) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "path": entry.path,
        "type": entry.type,
        "mode": entry.mode,
        "uid": entry.uid,
        "gid": entry.gid,
        "text": entry.text,
        "source": entry.source,
        "target": entry.target,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _origin(plan: Plan) -> dict[str, NixText]:
    return {
        "nixgen_version": format_comment(plan.nixgen_version),
        "description_file": format_comment(plan.description_file),
    }


def _template(template: str, /, **values: NixText | list[NixText]) -> bytes:
    return _environment().get_template(template).render(**values).encode("utf-8")


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resources.templates_dir()),
        undefined=jinja2.StrictUndefined,
        finalize=_only_nix_text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - `finalize` refuses what did not come from the writer
    )


def _only_nix_text(value: object) -> object:
    """Refuse every value that was not written by `nixexpr`; jinja calls it on each `{{ … }}`."""
    if isinstance(value, NixText):
        return value
    raise TypeError(f"a template printed {value!r}, which nixexpr did not write")
