"""A bill of materials as SPDX 2.3 in JSON (https://spdx.github.io/spdx-spec/v2.3/).

The document's model and its serialisation are the SPDX project's own library's. Nothing in it
depends on when or where it was made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import nixgen
from nixgen.attest.inventory import Component, FileHashes, Inventory
from nixgen.attest.purls import image_purl

if TYPE_CHECKING:
    from spdx_tools.spdx.model import Annotation, File, Package, Relationship

SPDX_TYPE = "https://spdx.dev/Document"
_DOCUMENT = "SPDXRef-DOCUMENT"
_IMAGE = "SPDXRef-Image"


def make_spdx(inventory: Inventory) -> dict[str, Any]:
    """The document as a JSON object; loads the library."""
    from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter
    from spdx_tools.spdx.model import (
        Actor,
        ActorType,
        CreationInfo,
        Document,
        ExtractedLicensingInfo,
    )

    tool = Actor(ActorType.TOOL, f"nixgen-{nixgen.__version__}")
    info = CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id=_DOCUMENT,
        name=f"{inventory.reference} for {inventory.platform}",
        document_namespace=f"urn:uuid:{inventory.identifier('spdx-2.3')}",
        creators=[tool],
        created=inventory.created,
    )
    licences = [each.licence for each in inventory.components]
    references = {pair for each in licences if each is not None for pair in each.references}
    document = Document(
        creation_info=info,
        packages=list(_packages(inventory)),
        files=[_file(each) for one in inventory.components for each in one.files],
        annotations=list(_annotations(inventory, tool)),
        relationships=list(_relationships(inventory)),
        extracted_licensing_info=[
            ExtractedLicensingInfo(license_id=name, extracted_text=text)
            for name, text in sorted(references)
        ],
    )
    converted: dict[str, Any] = DocumentConverter().convert(document)  # type: ignore[no-untyped-call]
    for reference in (ref for each in converted["packages"] for ref in each["externalRefs"]):
        # why: the schema of 2.3 has only the hyphen, which the library reads and does not write.
        reference["referenceCategory"] = reference["referenceCategory"].replace("_", "-")
    return converted


def _packages(inventory: Inventory) -> Iterator[Package]:
    from spdx_tools.spdx.model import (
        Checksum,
        ChecksumAlgorithm,
        ExternalPackageRef,
        ExternalPackageRefCategory,
        Package,
        PackagePurpose,
        SpdxNoAssertion,
    )

    named = [(_IMAGE, inventory.name, inventory.tag, inventory.reference, inventory.digest)]
    named += [
        (_base_id(number), base.name, "", base.name, base.digest)
        for number, base in enumerate(inventory.bases)
    ]
    for spdx_id, name, version, reference, digest in named:
        yield Package(
            spdx_id=spdx_id,
            name=name,
            version=version or None,
            download_location=SpdxNoAssertion(),
            files_analyzed=False,
            checksums=[Checksum(ChecksumAlgorithm.SHA256, digest.hex)],
            primary_package_purpose=PackagePurpose.CONTAINER,
            external_references=[
                ExternalPackageRef(
                    ExternalPackageRefCategory.PACKAGE_MANAGER,
                    "purl",
                    image_purl(reference, digest),
                )
            ],
        )
    for component in inventory.components:
        yield _package(component)


def _package(component: Component) -> Package:
    from license_expression import get_spdx_licensing
    from spdx_tools.spdx.model import (
        Checksum,
        ChecksumAlgorithm,
        ExternalPackageRef,
        ExternalPackageRefCategory,
        Package,
        SpdxNoAssertion,
    )

    facts, licence = component.facts, component.licence
    refs = [(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", component.purl)]
    if component.cpe is not None:
        refs.insert(0, (ExternalPackageRefCategory.SECURITY, "cpe23Type", component.cpe))
    nar_hash = component.nar_hash
    return Package(
        spdx_id=component_id(component.path),
        name=component.name,
        version=component.version or None,
        download_location=SpdxNoAssertion(),
        files_analyzed=bool(component.files),
        verification_code=_verification_code(component.files) if component.files else None,
        checksums=[] if nar_hash is None else [Checksum(ChecksumAlgorithm.SHA256, nar_hash.hex)],
        homepage=facts.homepage if facts.homepage.startswith(("https://", "http://")) else None,
        license_declared=SpdxNoAssertion()
        if licence is None
        else get_spdx_licensing().parse(licence.expression),
        license_concluded=SpdxNoAssertion(),
        copyright_text=SpdxNoAssertion(),
        summary=facts.description or None,
        source_info=component.path,
        comment=_LINKED if nar_hash is None else _NAR,
        external_references=[ExternalPackageRef(*each) for each in refs],
    )


_NAR = "The checksum is of the NAR serialisation of what the image holds of the store path."
_LINKED = "Not in the image as a store path: linked into programs of it when they were built."


def _verification_code(files: tuple[FileHashes, ...]) -> Any:
    """https://spdx.github.io/spdx-spec/v2.3/package-information/#79-package-verification-code-field"""
    from spdx_tools.spdx.model import PackageVerificationCode

    text = "".join(sorted(each.sha1 for each in files))
    return PackageVerificationCode(hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _file(file: FileHashes) -> File:
    from spdx_tools.spdx.model import Checksum, ChecksumAlgorithm, File

    return File(
        name=f".{file.path}",
        spdx_id=_file_id(file),
        checksums=[
            Checksum(ChecksumAlgorithm.SHA1, file.sha1),
            Checksum(ChecksumAlgorithm.SHA256, file.sha256),
        ],
    )


def _annotations(inventory: Inventory, tool: Any) -> Iterator[Annotation]:
    from spdx_tools.spdx.model import Annotation, AnnotationType

    for note in inventory.notes:
        yield Annotation(_IMAGE, AnnotationType.OTHER, tool, inventory.created, note)


def _relationships(inventory: Inventory) -> Iterator[Relationship]:
    from spdx_tools.spdx.model import Relationship, RelationshipType

    yield Relationship(_DOCUMENT, RelationshipType.DESCRIBES, _IMAGE)
    for number, _ in enumerate(inventory.bases):
        yield Relationship(_IMAGE, RelationshipType.DESCENDANT_OF, _base_id(number))
    for component in inventory.components:
        own = component_id(component.path)
        if component.nar_hash is not None:
            yield Relationship(_IMAGE, RelationshipType.CONTAINS, own)
        for path in component.references:
            yield Relationship(own, RelationshipType.DEPENDS_ON, component_id(path))
        for path in component.linked:
            yield Relationship(own, RelationshipType.STATIC_LINK, component_id(path))
        for file in component.files:
            yield Relationship(own, RelationshipType.CONTAINS, _file_id(file))


def component_id(path: str) -> str:
    """The identifier of a store path in a document: its hash keeps it apart from others."""
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.\-]", "-", path.rpartition("/")[2])


def _base_id(number: int) -> str:
    return f"SPDXRef-Base-{number}"


def _file_id(file: FileHashes) -> str:
    name = file.path.encode("utf-8", "surrogatepass")
    return f"SPDXRef-File-{hashlib.sha256(name).hexdigest()[:32]}"
