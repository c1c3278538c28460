"""Image references: what names an image in a registry.

Grammar: https://github.com/distribution/reference/blob/main/reference.go. Docker's short names
are made whole: `alpine` is `docker.io/library/alpine`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

from nixgen.digest import Digest
from nixgen.errors import UsageError

DEFAULT_TAG = "latest"
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_OLD = "index.docker.io"
_OFFICIAL = "library"
_LONGEST_NAME = 255

_HOST_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[a-fA-F0-9:]+\])")
_PORT = re.compile(r"[0-9]{1,5}")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """`host[:port]/repository[:tag][@digest]`; `str` gives the whole form, which parses back.

    `host` holds the port where there is one.
    """

    host: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a reference as Docker reads it; raises UsageError naming the part that is wrong."""
        name, at, digest_text = text.partition("@")
        digest = _parse_digest(text, digest_text) if at else None
        tag: str | None = None
        colon = name.rfind(":")
        if colon > name.rfind("/"):
            name, tag = name[:colon], parse_tag(name[colon + 1 :], within=text)
        host, repository = _split_host(name)
        _check_host(text, host)
        if host in (_DOCKER_HUB, _DOCKER_HUB_OLD):
            host = _DOCKER_HUB
            if "/" not in repository:
                repository = f"{_OFFICIAL}/{repository}"
        _check_repository(text, host, repository)
        return cls(host=host, repository=repository, tag=tag, digest=digest)

    @property
    def name(self) -> str:
        """Host and repository, without tag and digest."""
        return f"{self.host}/{self.repository}"

    @property
    def target(self) -> Digest | str:
        """What to ask the registry for: the digest, else the tag, else `latest`."""
        return self.digest or self.tag or DEFAULT_TAG

    def with_tag(self, tag: str) -> ImageReference:
        """The same repository under another tag; raises UsageError where that is none."""
        return replace(self, tag=parse_tag(tag, within=tag), digest=None)

    def with_digest(self, digest: Digest) -> ImageReference:
        """The same repository and tag, pinned to a digest."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.name}{tag}{digest}"


def parse_tag(text: str, *, within: str) -> str:
    """Check a tag; raises UsageError. `within` is the reference that it stands in."""
    if not _TAG.fullmatch(text):
        raise _wrong(
            within,
            f"the tag {text!r} is not 1 to 128 letters, digits, '_', '.' or '-' "
            "that begin with a letter, a digit or '_'",
        )
    return text


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    looks_like_host = "." in first or ":" in first or first == "localhost" or first.lower() != first
    if slash and looks_like_host:
        return first, rest
    return _DOCKER_HUB, name


def _parse_digest(text: str, digest: str) -> Digest:
    try:
        return Digest.parse(digest)
    except ValueError as error:
        message = f"the digest {digest!r} is not 'sha256:' and 64 hexadecimal digits"
        raise _wrong(text, message) from error


def _check_host(text: str, host: str) -> None:
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, colon, port = host, "", ""
    if not _HOST.fullmatch(name):
        raise _wrong(text, f"{name!r} is not a host name")
    if colon and not (_PORT.fullmatch(port) and 0 < int(port) < 65536):
        raise _wrong(text, f"the port {port!r} is not a number from 1 to 65535")


def _check_repository(text: str, host: str, repository: str) -> None:
    for component in repository.split("/"):
        if not component:
            raise _wrong(text, "a part of the repository's name is empty")
        if component.lower() != component:
            raise _wrong(text, f"the repository's name has upper-case letters: {component!r}")
        if not _COMPONENT.fullmatch(component):
            raise _wrong(
                text,
                f"{component!r} in the repository's name is not lower-case letters and digits "
                "with single '.', '_', '__' or dashes between them",
            )
    if len(host) + 1 + len(repository) > _LONGEST_NAME:
        raise _wrong(text, f"host and repository have more than {_LONGEST_NAME} characters")


def _wrong(text: str, message: str) -> UsageError:
    return UsageError(
        f"not an image reference: {text!r}: {message}",
        hint="write HOST[:PORT]/REPOSITORY[:TAG][@sha256:…]",
    )
