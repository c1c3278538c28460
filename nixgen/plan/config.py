"""The OCI image configuration and annotations that a description asks for.

https://github.com/opencontainers/image-spec/blob/main/config.md
https://github.com/opencontainers/image-spec/blob/main/annotations.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nixgen.plan.accounts import Accounts
from nixgen.plan.base import Base
from nixgen.spec import AppSpec
from nixgen.spec.model import Healthcheck, Image

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What engines give a process whose image names no PATH."""

_CERTIFICATES = "SSL_CERT_FILE"
CA_BUNDLE = "/etc/ssl/certs/ca-bundle.crt"
ZONEINFO = "/share/zoneinfo"


def make_config(spec: AppSpec, accounts: Accounts, base: Base | None = None) -> dict[str, Any]:
    """The `config` object; only the keys that say something, in alphabetical order.

    On a base, what the description does not give itself is the base's (docs/how-to/base-images.md).
    """
    image = spec.image
    config: dict[str, Any] = {
        "Cmd": list(image.cmd),
        "Entrypoint": list(image.entrypoint),
        "Env": [f"{name}={value}" for name, value in sorted(_env(spec, base).items())],
        "ExposedPorts": {str(port): {} for port in image.ports},
        "Healthcheck": _healthcheck(image.healthcheck) if image.healthcheck else {},
        "Labels": dict(image.labels),
        "StopSignal": image.stop_signal,
        "User": accounts.setting,
        "Volumes": {volume: {} for volume in image.volumes},
        "WorkingDir": image.workdir,
    }
    if base is not None:
        config |= _inherited(config, image, base)
    return {key: value for key, value in config.items() if value}


def _inherited(own: Mapping[str, Any], image: Image, base: Base) -> dict[str, Any]:
    """The keys that are the base's, and those in which both have a part."""
    found: dict[str, Any] = {
        key: dict(sorted({**(base.setting(key) or {}), **own[key]}.items()))
        for key in ("ExposedPorts", "Labels", "Volumes")
    }
    wanted = {"WorkingDir": "workdir"}
    if not image.entrypoint and "entrypoint" not in image.given:
        found["Entrypoint"] = base.setting("Entrypoint")
        # why: these are about the base's program, and say nothing of another.
        wanted |= {"Cmd": "cmd", "Healthcheck": "healthcheck", "StopSignal": "stop-signal"}
    for key, name in wanted.items():
        if name not in image.given and base.setting(key):
            found[key] = base.setting(key)
    return found


def make_annotations(spec: AppSpec, base: Base | None = None) -> dict[str, str]:
    """The manifest's annotations, sorted by name; the user's own win over those of `[app]`."""
    app = spec.app
    known = {
        "org.opencontainers.image.authors": ", ".join(app.authors) or None,
        "org.opencontainers.image.description": app.description,
        "org.opencontainers.image.licenses": app.licenses,
        "org.opencontainers.image.revision": app.revision,
        "org.opencontainers.image.source": app.source,
        "org.opencontainers.image.title": app.name,
        "org.opencontainers.image.url": app.homepage,
        "org.opencontainers.image.version": app.version,
    }
    found = {name: value for name, value in known.items() if value is not None}
    found |= base.annotations if base is not None else {}
    return dict(sorted({**found, **dict(spec.image.annotations)}.items()))


def has_own_certificates(spec: AppSpec, base: Base | None) -> bool:
    """Whether the image gets CA certificates: not where the base names some and nothing is said."""
    if base is not None and "ca-certificates" not in spec.image.given and _CERTIFICATES in base.env:
        return False
    return spec.image.ca_certificates


def _env(spec: AppSpec, base: Base | None) -> dict[str, str]:
    env = {"PATH": "/bin"} if base is None else {**base.env, "PATH": _search_path(base)}
    if has_own_certificates(spec, base):
        env[_CERTIFICATES] = CA_BUNDLE
    if spec.image.timezones or spec.image.timezone is not None:
        env["TZDIR"] = ZONEINFO
    if spec.image.timezone is not None:
        env["TZ"] = spec.image.timezone
    return {**env, **dict(spec.image.env)}


def _search_path(base: Base) -> str:
    """The base's PATH with `/bin` first, where packages have their programs."""
    folders = (base.env.get("PATH") or DEFAULT_PATH).split(":")
    return ":".join(("/bin", *(folder for folder in folders if folder != "/bin")))


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    # why: not in the OCI specification; Docker and podman read it from the same place.
    # https://github.com/moby/docker-image-spec/blob/main/spec.md#image-json-field-descriptions
    found = {
        "Test": ["CMD", *check.run],
        "Interval": check.interval_ns,
        "Timeout": check.timeout_ns,
        "StartPeriod": check.start_period_ns,
        "Retries": check.retries,
    }
    return {key: value for key, value in found.items() if value is not None}
