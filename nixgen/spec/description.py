"""A parsed description: checked as a whole, resolved for one platform and profile at a time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixgen import __version__
from nixgen.digest import Digest
from nixgen.errors import DescriptionError, Problem
from nixgen.platforms import Platform, native_platform
from nixgen.spec.assemble import assemble, make_sign
from nixgen.spec.checks import check, check_sign
from nixgen.spec.combine import Parts, check_all, combine, split_root
from nixgen.spec.document import parse_tree, read_bytes
from nixgen.spec.merge import Merger
from nixgen.spec.model import AppSpec, Sign
from nixgen.spec.node import Node, make_tree
from nixgen.spec.report import Report, suggest
from nixgen.spec.shapes import Record
from nixgen.spec.tables import FORMAT_VERSION
from nixgen.spec.unserved import find_unserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A description without mistakes, not yet resolved.

    `path` is as the user gave it, `project_dir` its absolute folder, `digest` that of the bytes,
    `profiles` the names of its profiles, sorted.
    """

    path: Path
    project_dir: Path
    digest: Digest
    profiles: tuple[str, ...]
    _parts: Parts

    def platforms(self, profile: str | None = None) -> tuple[Platform, ...]:
        """The platforms to build for, in the order written, `native` as this machine's own.

        Raises DescriptionError where there is no such profile, MachineError where `native` is
        asked for and this machine is of no platform that images are built for.
        """
        report = Report(str(self.path))
        _, record = self._read(None, profile, None, report)
        report.raise_if_any()
        image = record.values.get("image")
        written = image.values.get("platforms", ()) if image is not None else ()
        names = [value for _, value in written] or ["native"]
        found = [native_platform() if name == "native" else name for name in names]
        return tuple(dict.fromkeys(found))

    def resolve(
        self,
        *,
        platform: Platform,
        profile: str | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> AppSpec:
        """What the description says for one platform; `overrides` gives [vars] other values.

        Raises DescriptionError for an unknown profile or variable, for a value that an override
        made wrong, and for what this nixgen can't serve yet.
        """
        report = Report(str(self.path))
        tree, record = self._read(platform, profile, overrides, report)
        check(record, self.project_dir, report, platform)
        report.raise_if_any()
        if unserved := find_unserved(tree, str(self.path)):
            raise DescriptionError(
                "the description asks for what is not served yet", problems=unserved
            )
        return assemble(
            record,
            platform=platform,
            profile=profile,
            project_dir=self.project_dir,
            digest=self.digest,
        )

    def with_changes(self, changes: Mapping[str, Any]) -> Description:
        """The same description with values put over it: tables by key, everything else whole.

        `changes` has the shape of a TOML document; what is wrong in it shows when it is resolved.
        """
        written = json.dumps(changes, sort_keys=True).encode()
        return dataclasses.replace(
            self,
            digest=Digest.of_bytes(f"{self.digest}\n".encode() + written),
            _parts=dataclasses.replace(self._parts, changes=make_tree(changes, "")),
        )

    def unserved(self, profile: str | None = None) -> tuple[Problem, ...]:
        """What the description asks for and this nixgen can't do yet, on any of its platforms."""
        found: dict[Problem, None] = {}
        for platform in (None, *self.platforms(profile)):
            tree, _ = self._read(platform, profile, None, Report(str(self.path)))
            found |= dict.fromkeys(find_unserved(tree, str(self.path)))
        return tuple(found)

    def _read(
        self,
        platform: Platform | None,
        profile: str | None,
        overrides: Mapping[str, str] | None,
        report: Report,
    ) -> tuple[Node, Record]:
        if profile is not None and profile not in self.profiles:
            raise _unknown_profile(profile, self.profiles, self.path)
        return combine(
            self._parts,
            platform=platform,
            profile=profile,
            overrides=overrides,
            merger=Merger(report),
            report=report,
        )


def read_description(path: Path) -> Description:
    """Read and check a description; raises DescriptionError with every mistake in it."""
    return parse_description(read_bytes(path), path=path)


def parse_description(text: bytes | str, *, path: Path) -> Description:
    """Check a description's text; raises DescriptionError with every mistake in it.

    `path` names it in messages; the files it mentions are looked for in that path's folder.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    root = parse_tree(data, path)
    report = Report(str(path))
    _refuse_newer_format(root, report)
    parts = split_root(root, report)
    project_dir = path.absolute().parent
    check_all(parts, project_dir, report)
    report.raise_if_any()
    return Description(
        path=path,
        project_dir=project_dir,
        digest=Digest.of_bytes(data),
        profiles=tuple(parts.profiles),
        _parts=parts,
    )


def read_sign(path: Path, *, profile: str | None = None) -> Sign:
    """Who signs an app, of its description alone: what else it names need not be there.

    Raises DescriptionError.
    """
    root = parse_tree(read_bytes(path), path)
    report = Report(str(path))
    _refuse_newer_format(root, report)
    parts = split_root(root, report)
    if profile is not None and profile not in parts.profiles:
        raise _unknown_profile(profile, tuple(parts.profiles), path)
    _, record = combine(parts, platform=None, profile=profile, merger=Merger(report), report=report)
    sign = record.values.get("sign")
    if sign is not None:
        check_sign(sign, report)
    report.raise_if_any()
    return Sign() if sign is None else make_sign(sign)


def _refuse_newer_format(root: Node, report: Report) -> None:
    """A newer format's other mistakes would mean nothing: this one is told alone."""
    node = root.table.get("nixgen")
    if node is None or isinstance(node.value, bool) or not isinstance(node.value, int):
        return
    if node.value > FORMAT_VERSION:
        report.add(
            node,
            f"format {node.value} needs a newer nixgen: {__version__}, this one, reads format "
            f"{FORMAT_VERSION}",
            hint="pip install --upgrade nixgen",
        )
        report.raise_if_any()


def _unknown_profile(name: str, known: tuple[str, ...], path: Path) -> DescriptionError:
    hint = suggest(name, known) or "profiles: " + (", ".join(known) or "none")
    problem = Problem(message=f'there is no profile "{name}"', file=str(path), hint=hint)
    return DescriptionError("unknown profile", problems=(problem,))
