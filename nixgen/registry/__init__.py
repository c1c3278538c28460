"""A client of container registries, after the OCI distribution specification 1.1.

The order of use: `ImageReference.parse`, `Registry` as a context manager, then `push` or `pull`.
"""

from nixgen.registry.client import Registry
from nixgen.registry.credentials import Credentials, Login
from nixgen.registry.documents import Manifest
from nixgen.registry.pulling import PullResult, pull
from nixgen.registry.pushing import PushResult, push
from nixgen.registry.reference import ImageReference, parse_tag
from nixgen.registry.referrers import fallback_tag, list_referrers, put_referrer
from nixgen.registry.request import Limits
from nixgen.registry.source import RegistryImage, open_registry_image
from nixgen.registry.upload import Blob, Sent, send_blob

__all__ = [
    "Blob",
    "Credentials",
    "ImageReference",
    "Limits",
    "Login",
    "Manifest",
    "PullResult",
    "PushResult",
    "Registry",
    "RegistryImage",
    "Sent",
    "fallback_tag",
    "list_referrers",
    "open_registry_image",
    "parse_tag",
    "pull",
    "push",
    "put_referrer",
    "send_blob",
]
