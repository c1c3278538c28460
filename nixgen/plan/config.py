"""The OCI image configuration and annotations that a description asks for.

https://github.com/opencontainers/image-spec/blob/main/config.md
https://github.com/opencontainers/image-spec/blob/main/annotations.md
"""

from __future__ import annotations

from typing import Any

from nixgen.spec import AppSpec
from nixgen.spec.model import Healthcheck

CA_BUNDLE = "/etc/ssl/certs/ca-bundle.crt"
ZONEINFO = "/share/zoneinfo"


def make_config(spec: AppSpec) -> dict[str, Any]:
    """The `config` object; only the keys that say something, in alphabetical order."""
    image = spec.image
    config: dict[str, Any] = {
        "Cmd": list(image.cmd),
        "Entrypoint": list(image.entrypoint),
        "Env": [f"{name}={value}" for name, value in sorted(_env(spec).items())],
        "ExposedPorts": {str(port): {} for port in image.ports},
        "Healthcheck": _healthcheck(image.healthcheck) if image.healthcheck else {},
        "Labels": dict(image.labels),
        "StopSignal": image.stop_signal,
        "User": f"{image.user.uid}:{image.user.gid}",
        "Volumes": {volume: {} for volume in image.volumes},
        "WorkingDir": image.workdir,
    }
    return {key: value for key, value in config.items() if value}


def make_annotations(spec: AppSpec) -> dict[str, str]:
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
    return dict(sorted({**found, **dict(spec.image.annotations)}.items()))


def _env(spec: AppSpec) -> dict[str, str]:
    env = {"PATH": "/bin"}
    if spec.image.ca_certificates:
        env["SSL_CERT_FILE"] = CA_BUNDLE
    if spec.image.timezones or spec.image.timezone is not None:
        env["TZDIR"] = ZONEINFO
    if spec.image.timezone is not None:
        env["TZ"] = spec.image.timezone
    return {**env, **dict(spec.image.env)}


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
