"""Package URLs (https://github.com/package-url/purl-spec) of what nixgen takes in and puts out."""

from __future__ import annotations

from nixgen.digest import Digest


def generic_purl(name: str, version: str) -> str:
    """A package that no ecosystem but a package set of Nix has, which has no type of its own."""
    return _purl("generic", name, version or None)


def pypi_purl(name: str, version: str, *, file: str, member: str | None = None) -> str:
    """One file of a release on a Python package index, or a member of it."""
    return _purl("pypi", name, version, {"file_name": file}, member)


def npm_purl(name: str, version: str, *, member: str | None = None) -> str:
    """A version of an npm package, whose name may have a scope, or a member of it."""
    scope, _, rest = name.rpartition("/")
    return _purl("npm", rest, version, member=member, namespace=scope or None)


def debian_source_purl(name: str, version: str, *, member: str | None = None) -> str:
    """A Debian source package, or a member of one of its files."""
    return _purl("deb", name, version, {"arch": "source"}, member, namespace="debian")


def image_purl(reference: str, digest: Digest) -> str:
    """An image by digest; `reference` is its name, with host and tag where it has them."""
    repository, _, tag = reference.rpartition(":")
    if not repository or "/" in tag:
        repository, tag = reference, ""
    # why: a name without a host is nobody's but this machine's.
    qualifiers = {"repository_url": repository} if "/" in repository else {}
    if tag:
        qualifiers["tag"] = tag
    return _purl("oci", repository.rpartition("/")[2], str(digest), qualifiers)


def _purl(
    kind: str,
    name: str,
    version: str | None,
    qualifiers: dict[str, str] | None = None,
    member: str | None = None,
    *,
    namespace: str | None = None,
) -> str:
    # why: start-up must not pay for it.
    from packageurl import PackageURL

    return PackageURL(
        type=kind,
        namespace=namespace,
        name=name,
        version=version,
        qualifiers=qualifiers,
        subpath=member,
    ).to_string()


def checked_purl(text: str) -> str | None:
    """A package URL as it is, None for what is none."""
    from packageurl import PackageURL

    try:
        return PackageURL.from_string(text).to_string()
    except ValueError:
        return None
