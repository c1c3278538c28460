"""What a run that made an image gives back: the facts that are printed, pushed and remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nixgen.closure.packages import name_of
from nixgen.digest import Digest

if TYPE_CHECKING:
    from nixgen.imagetest import TestReport

Format = Literal["oci", "oci-archive", "docker-archive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What the rules of [closure] took out of an image; nothing where there are none.

    `rules` says for each rule or pattern how many files it took and their bytes, `store_paths` the
    bytes of those to which nothing refers, `cuts` the names of store paths, from and to.
    `dangling` are links that stay although what they lead to went.
    """

    size_bytes: int = 0
    rules: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    store_paths: Mapping[str, int] = field(default_factory=dict)
    cuts: tuple[tuple[str, str], ...] = ()
    dangling: tuple[str, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> LeftOut:
        """Read what `Trimming.as_json` wrote; raises KeyError, TypeError, ValueError."""
        return cls(
            size_bytes=int(document["size_bytes"]),
            rules={
                str(each["rule"]): (int(each["files"]), int(each["size_bytes"]))
                for each in document["rules"]
            },
            store_paths={
                str(each["path"]): int(each["size_bytes"]) for each in document["store_paths"]
            },
            cuts=tuple((name_of(each["from"]), name_of(each["to"])) for each in document["cut"]),
            dangling=tuple(map(str, document["dangling"])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOutcome:
    """The image of one platform; `document` is its part of `nixgen image --json`.

    `variants` says which packages stand in place of those that are named.
    """

    platform: str
    digest: Digest
    size_bytes: int
    unpacked_bytes: int
    layer_count: int
    left_out: LeftOut
    variants: Mapping[str, str]
    document: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> PlatformOutcome:
        """Read what `BuiltImage.as_json` wrote; raises KeyError, TypeError, ValueError."""
        return cls(
            platform=str(document["platform"]),
            digest=Digest.parse(document["digest"]),
            size_bytes=int(document["size_bytes"]),
            unpacked_bytes=int(document["unpacked_bytes"]),
            layer_count=len(document["layers"]),
            left_out=LeftOut.of(document["closure"]) if "closure" in document else LeftOut(),
            variants={str(name): str(other) for name, other in document["variants"].items()},
            document=document,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An image as it was written: `digest` is what the format is named by, see `--json`.

    `record` is the build record beside it and `tests` what came of its tests, each None where it
    was not asked for.
    """

    name: str
    tags: tuple[str, ...]
    path: Path
    format: Format
    digest: Digest
    platforms: Sequence[PlatformOutcome]
    record: Path | None = None
    tests: TestReport | None = None

    @property
    def tag(self) -> str:
        """The first of its tags, which is the one that is shown."""
        return self.tags[0]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Outcome:
        """Read what `as_json` wrote; raises KeyError, TypeError, ValueError for anything else."""
        return cls(
            name=document["name"],
            tags=tuple(str(tag) for tag in document["tags"]),
            path=Path(document["path"]),
            format=document["format"],
            digest=Digest.parse(document["digest"]),
            platforms=tuple(PlatformOutcome.of(each) for each in document["platforms"]),
        )

    def as_json(self) -> dict[str, Any]:
        """The document of `nixgen image --json`, but for the tests: they take another time each."""
        record = {} if self.record is None else {"record": str(self.record)}
        return {
            **record,
            "name": self.name,
            "tag": self.tag,
            "tags": list(self.tags),
            "path": str(self.path),
            "format": self.format,
            "digest": str(self.digest),
            "platforms": [dict(each.document) for each in self.platforms],
        }
