"""Inventories to write bills of materials of, and the formats' own validators."""

from __future__ import annotations

import datetime
import importlib.resources
import json
from typing import Any

import jsonschema
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from nixgen.attest.inventory import BaseImage, Component, FileHashes, Inventory, PackageFacts
from nixgen.digest import Digest

SOME = Digest.of_bytes(b"some")
APP = "/nix/store/0bn5y6q8jr2f5x4y1chpcpgxakln0dyj-app-1.0"
ODD = "/nix/store/1knxz0ddw6xsp2skzdvr6xcgbf77kr7r-odd+name_with=all?-2.0"
LIBRARY = "/nix/store/wak7gh3ck9dshwj9m11c1awjy7r01ihr-zlib-1.3-dev"


def inventory() -> Inventory:
    """An image of a program, something odd that it refers to, and a library that is linked in."""
    return Inventory(
        name="app",
        tag="1.0",
        platform="linux/arm64",
        digest=SOME,
        created=datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.UTC),
        components=(
            Component(
                path=APP,
                facts=PackageFacts(
                    name="app",
                    version="1.0",
                    description='A "quoted" <description>, ü',
                    homepage="javascript:alert(1)",
                    licenses=("Our own licence", "MIT"),
                    cpe="cpe:2.3:a:example:app:1.0:*:*:*:*:*:*:*",
                    purl="pkg:pypi/app@1.0",
                    inputs=(LIBRARY,),
                ),
                nar_hash=SOME,
                references=(ODD,),
                linked=(LIBRARY,),
                files=(
                    FileHashes(path=f'{APP}/bin/ü \\ "x"', sha1="0" * 40, sha256=SOME.hex),
                    FileHashes(path=f"{APP}/empty", sha1="1" * 40, sha256=SOME.hex),
                ),
            ),
            Component(
                path=ODD, facts=PackageFacts(cpe="cpe:2.3:a:bad", purl="no purl"), nar_hash=SOME
            ),
            Component(
                path=LIBRARY,
                facts=PackageFacts(
                    name="zlib", version="1.3", licenses=("Zlib", "LicenseRef-public-domain")
                ),
                nar_hash=None,
            ),
        ),
        roots=(APP,),
        bases=(BaseImage(name="registry.example/base:1", digest=SOME),),
        notes=("Left out by documentation: 3 files of 100 bytes.", "References cut: from a to b."),
    )


def check_spdx(document: Any) -> None:
    """Fail unless the document is of the official schema, which lib4sbom ships, and the SPDX
    project's own reader and validator find nothing wrong.
    """
    schema = importlib.resources.files("lib4sbom") / "schemas/spdx/2.3-schema.json"
    validator = jsonschema.Draft7Validator(
        json.loads(schema.read_text()), format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
    )
    assert [f"{each.json_path}: {each.message}" for each in validator.iter_errors(document)] == []
    parsed = JsonLikeDictParser().parse(document)
    assert [each.validation_message for each in validate_full_spdx_document(parsed)] == []


def check_cyclonedx(document: Any) -> None:
    """Fail unless the document is of the official schema, which CycloneDX's library ships."""
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    assert fault is None, str(fault)
