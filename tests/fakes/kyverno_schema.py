"""The schema of an ImageValidatingPolicy, as far as nixgen writes one.

By the fields that its reference documents, since no package has it whole; stricter than Kyverno's
in that nothing else may stand there. https://kyverno.io/docs/policy-types/image-validating-policy/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}


def _table(needed: Sequence[str] = (), /, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(needed),
        "additionalProperties": False,
    }


def _list(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_COSIGN = {
    **_table(
        key=_table(data=_TEXT),
        ctlog=_table(
            url=_TEXT, insecureIgnoreTlog=_FLAG, insecureIgnoreSCT=_FLAG, rekorPubKey=_TEXT
        ),
        keyless=_table(
            ["identities"],
            identities=_list(
                _table(issuer=_TEXT, issuerRegExp=_TEXT, subject=_TEXT, subjectRegExp=_TEXT),
                minItems=1,
                maxItems=1,
            ),
        ),
        trustedRoot=_table(["value"], value=_TEXT),
    ),
    "oneOf": [{"required": ["key"]}, {"required": ["keyless"]}],
}
SCHEMA = _table(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "policies.kyverno.io/v1"},
    kind={"const": "ImageValidatingPolicy"},
    metadata=_table(
        ["name"],
        name={"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
        annotations={"type": "object", "additionalProperties": _TEXT},
    ),
    spec=_table(
        ["matchConstraints", "attestors", "attestations", "validations"],
        failurePolicy={"enum": ["Fail", "Ignore"]},
        validationActions=_list({"enum": ["Deny", "Audit", "Warn"]}),
        webhookConfiguration=_table(
            timeoutSeconds={"type": "integer", "minimum": 1, "maximum": 30}
        ),
        matchConstraints=_table(
            resourceRules=_list(
                _table(
                    apiGroups=_list(_TEXT),
                    apiVersions=_list(_TEXT),
                    operations=_list({"enum": ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"]}),
                    resources=_list(_TEXT),
                )
            )
        ),
        matchImageReferences=_list(_table(["glob"], glob=_TEXT), minItems=1),
        validationConfigurations=_table(mutateDigest=_FLAG, verifyDigest=_FLAG, required=_FLAG),
        attestors=_list(
            _table(
                ["name", "cosign"],
                name={"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                cosign=_COSIGN,
            ),
            minItems=1,
        ),
        attestations=_list(
            _table(
                ["name", "intoto"],
                name={"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                intoto=_table(["type"], type=_TEXT),
            )
        ),
        validations=_list(
            _table(["expression"], expression=_TEXT, message={"type": "string", "pattern": "^.+$"}),
            minItems=1,
        ),
    ),
)
