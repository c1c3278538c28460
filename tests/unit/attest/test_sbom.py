"""Bills of materials: valid by the formats' own validators, and the same each time."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nixgen.attest.cyclonedx import make_cyclonedx
from nixgen.attest.inventory import (
    Component,
    PackageFacts,
    linked_components,
    linked_ways,
    parse_facts,
)
from nixgen.attest.spdx import component_id, make_spdx
from nixgen.digest import Digest
from tests.unit.attest.boms import (
    APP,
    LIBRARY,
    ODD,
    SOME,
    check_cyclonedx,
    check_spdx,
    inventory,
)

_ROOT = Path(__file__).parents[3]


def packages(document: Any) -> dict[str, Any]:
    return {each["SPDXID"]: each for each in document["packages"]}


def related(document: Any, kind: str) -> set[tuple[str, str]]:
    return {
        (each["spdxElementId"], each["relatedSpdxElement"])
        for each in document["relationships"]
        if each["relationshipType"] == kind
    }


def test_spdx_is_valid_and_says_what_refers_to_what() -> None:
    document = make_spdx(inventory())
    check_spdx(document)
    assert related(document, "DESCRIBES") == {("SPDXRef-DOCUMENT", "SPDXRef-Image")}
    assert related(document, "DEPENDS_ON") == {(component_id(APP), component_id(ODD))}
    assert related(document, "STATIC_LINK") == {(component_id(APP), component_id(LIBRARY))}
    assert related(document, "DESCENDANT_OF") == {("SPDXRef-Image", "SPDXRef-Base-0")}
    contained = {
        target for source, target in related(document, "CONTAINS") if source[8:] == "Image"
    }
    assert contained == {component_id(APP), component_id(ODD)}
    assert document["creationInfo"]["created"] == "1970-01-01T00:00:01Z"
    assert packages(document)["SPDXRef-Image"]["annotations"][0]["comment"].startswith("Left out")


def test_spdx_names_each_package_in_full() -> None:
    app = packages(make_spdx(inventory()))[component_id(APP)]
    assert (app["name"], app["versionInfo"], app["sourceInfo"]) == ("app", "1.0", APP)
    assert app["licenseDeclared"] == "LicenseRef-Our-own-licence AND MIT"
    assert app["checksums"] == [{"algorithm": "SHA256", "checksumValue": SOME.hex}]
    assert [each["referenceLocator"] for each in app["externalRefs"]] == [
        "cpe:2.3:a:example:app:1.0:*:*:*:*:*:*:*",
        "pkg:pypi/app@1.0",
    ]
    assert "homepage" not in app


def test_a_store_path_of_which_nothing_is_known_is_named_all_the_same() -> None:
    odd = packages(make_spdx(inventory()))[component_id(ODD)]
    assert (odd["name"], odd["versionInfo"]) == ("odd+name_with=all?", "2.0")
    assert odd["licenseDeclared"] == "NOASSERTION"
    assert [each["referenceType"] for each in odd["externalRefs"]] == ["purl"]


def test_cyclonedx_is_valid_and_says_the_same() -> None:
    document = make_cyclonedx(inventory())
    check_cyclonedx(document)
    depends = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    assert depends[f"image:{SOME}"] == [APP, f"base:{SOME}"]
    assert depends[APP] == [ODD, LIBRARY]
    found = {each["bom-ref"]: each for each in document["components"]}
    assert found[APP]["licenses"] == [{"expression": "LicenseRef-Our-own-licence AND MIT"}]
    assert found[APP]["cpe"] == "cpe:2.3:a:example:app:1.0:*:*:*:*:*:*:*"
    assert [each["type"] for each in found[APP]["components"]] == ["file", "file"]
    assert {"name": "nixgen:linked", "value": "static"} in found[LIBRARY]["properties"]
    assert "hashes" not in found[LIBRARY]
    assert document["metadata"]["component"]["version"] == "1.0"
    assert document["metadata"]["timestamp"] == "1970-01-01T00:00:01+00:00"
    notes = [each["value"] for each in document["metadata"]["component"]["properties"]]
    assert "References cut: from a to b." in notes


@pytest.mark.parametrize("make", [make_spdx, make_cyclonedx])
def test_another_content_has_another_identifier(make: Any) -> None:
    def identify(found: Any) -> Any:
        document = make(found)
        return document.get("documentNamespace") or document["serialNumber"]

    whole = inventory()
    less = dataclasses.replace(whole, notes=whole.notes[:1])
    assert identify(whole) == identify(copy.deepcopy(whole))
    assert identify(whole) != identify(less)


def test_bytes_do_not_depend_on_the_seed_of_hashes() -> None:
    code = (
        "import json; from tests.unit.attest.boms import inventory;"
        "from nixgen.attest.spdx import make_spdx;"
        "from nixgen.attest.cyclonedx import make_cyclonedx;"
        "print(json.dumps([make_spdx(inventory()), make_cyclonedx(inventory())]))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(_ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert json.loads(told.pop())


def test_what_is_linked_into_a_linked_library_is_found_too_and_only_what_is_known() -> None:
    facts = {
        "app": PackageFacts(inputs=("curl", "unknown", "present")),
        "curl": PackageFacts(inputs=("zlib", "curl")),
        "zlib": PackageFacts(),
        "present": PackageFacts(),
        "other": PackageFacts(inputs=("never",)),
    }
    assert linked_ways(["app", "present"], facts) == {
        "curl": ("app", "curl"),
        "zlib": ("app", "curl", "zlib"),
    }
    found = linked_components(["app", "present"], facts)
    assert list(found) == ["curl", "zlib"]
    assert found["curl"] == Component(
        path="curl", facts=facts["curl"], nar_hash=None, linked=("zlib",)
    )


def test_facts_are_read_as_evaluation_gives_them() -> None:
    each = {
        "path": APP,
        "pname": "app",
        "version": "1",
        "description": "",
        "homepage": "",
        "licenses": ["MIT"],
        "cpe": "",
        "purl": "",
        "inputs": [LIBRARY],
    }
    assert parse_facts([each]) == {
        APP: PackageFacts(name="app", version="1", licenses=("MIT",), inputs=(LIBRARY,))
    }
    with pytest.raises(KeyError):
        parse_facts([{"path": APP}])


def test_the_purl_of_a_package_with_an_odd_name_is_one() -> None:
    component = Component(path=ODD, facts=PackageFacts(), nar_hash=Digest.of_bytes(b""))
    assert component.purl == "pkg:generic/odd%2Bname_with%3Dall%3F@2.0"
