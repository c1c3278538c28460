"""A bill of materials as CycloneDX 1.6 in JSON (https://cyclonedx.org/docs/1.6/json/).

The model and its serialisation are CycloneDX's own library's. Nothing in it depends on when or
where it was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import nixgen
from nixgen.attest.inventory import BaseImage, Component, FileHashes, Inventory
from nixgen.attest.purls import image_purl

if TYPE_CHECKING:
    from cyclonedx.model import HashType, Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component as Entry

CYCLONEDX_TYPE = "https://cyclonedx.org/bom"


def make_cyclonedx(inventory: Inventory) -> dict[str, Any]:
    """The document as a JSON object; loads the library."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component as Entry
    from cyclonedx.model.component import ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    entries = {each.path: _entry(each) for each in inventory.components}
    bases = [_base(each) for each in inventory.bases]
    bom = Bom(
        serial_number=inventory.identifier("cyclonedx-1.6"), components=[*entries.values(), *bases]
    )
    image = _image(inventory)
    bom.metadata.timestamp = inventory.created
    bom.metadata.component = image
    bom.metadata.tools.components.add(
        Entry(name="nixgen", version=nixgen.__version__, type=ComponentType.APPLICATION)
    )
    _depend(bom, inventory, image, entries, bases)
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return document


def _depend(
    bom: Bom, inventory: Inventory, image: Entry, entries: dict[str, Entry], bases: list[Entry]
) -> None:
    bom.register_dependency(image, [*(entries[path] for path in inventory.roots), *bases])
    for each in inventory.components:
        needed = sorted({*each.references, *each.linked})
        bom.register_dependency(entries[each.path], [entries[path] for path in needed])


def _image(inventory: Inventory) -> Entry:
    from cyclonedx.model.component import Component as Entry
    from cyclonedx.model.component import ComponentType
    from packageurl import PackageURL

    return Entry(
        type=ComponentType.CONTAINER,
        bom_ref=f"image:{inventory.digest}",
        name=inventory.name,
        version=inventory.tag or None,
        purl=PackageURL.from_string(image_purl(inventory.reference, inventory.digest)),
        hashes=_hashes(("SHA-256", inventory.digest.hex)),
        properties=_properties(
            [("nixgen:platform", inventory.platform)]
            + [("nixgen:note", note) for note in inventory.notes]
        ),
    )


def _base(base: BaseImage) -> Entry:
    from cyclonedx.model.component import Component as Entry
    from cyclonedx.model.component import ComponentType
    from packageurl import PackageURL

    return Entry(
        type=ComponentType.CONTAINER,
        bom_ref=f"base:{base.digest}",
        name=base.name,
        purl=PackageURL.from_string(image_purl(base.name, base.digest)),
        hashes=_hashes(("SHA-256", base.digest.hex)),
        properties=_properties([("nixgen:base", "its own packages are not listed")]),
    )


def _entry(component: Component) -> Entry:
    from cyclonedx.model.component import Component as Entry
    from cyclonedx.model.component import ComponentType
    from cyclonedx.model.license import LicenseExpression
    from packageurl import PackageURL

    licence, nar_hash = component.licence, component.nar_hash
    linked = [("nixgen:linked", "static")] if nar_hash is None else []
    return Entry(
        type=ComponentType.LIBRARY if nar_hash is None else ComponentType.APPLICATION,
        bom_ref=component.path,
        name=component.name,
        version=component.version or None,
        description=component.facts.description or None,
        purl=PackageURL.from_string(component.purl),
        cpe=component.cpe,
        licenses=[] if licence is None else [LicenseExpression(licence.expression)],
        external_references=list(_homepage(component.facts.homepage)),
        hashes=[] if nar_hash is None else _hashes(("SHA-256", nar_hash.hex)),
        properties=_properties([("nixgen:store-path", component.path), *linked]),
        components=[_file(each) for each in component.files],
    )


def _file(file: FileHashes) -> Entry:
    from cyclonedx.model.component import Component as Entry
    from cyclonedx.model.component import ComponentType

    return Entry(
        type=ComponentType.FILE,
        bom_ref=f"file:{file.path}",
        name=file.path,
        hashes=_hashes(("SHA-1", file.sha1), ("SHA-256", file.sha256)),
    )


def _homepage(address: str) -> Iterable[Any]:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri

    if address.startswith(("https://", "http://")):
        yield ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(address))


def _hashes(*pairs: tuple[str, str]) -> list[HashType]:
    from cyclonedx.model import HashAlgorithm, HashType

    return [HashType(alg=HashAlgorithm(name), content=content) for name, content in pairs]


def _properties(pairs: Iterable[tuple[str, str]]) -> list[Property]:
    from cyclonedx.model import Property

    return [Property(name=name, value=value) for name, value in pairs]
