"""How Nix is to be used, and the options and environment that say so to it.

Nothing of the user's own surroundings changes a result: NIX_PATH, NIX_CONFIG and the user's
nix.conf are kept out; the machine's nix.conf stays, what matters in it is said explicitly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nixgen.nixcli.access import Mode, StoreAccess

_KEPT_VARIABLES = (
    "HOME",
    "LOGNAME",
    "NIX_CONF_DIR",
    "NIX_DAEMON_SOCKET_PATH",
    "NIX_LOG_DIR",
    "NIX_REMOTE",
    "NIX_SSL_CERT_FILE",
    "NIX_STATE_DIR",
    "PATH",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "TMPDIR",
    "USER",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NixSettings:
    """How Nix is to be used.

    `store` is the folder of another root, or a store URL; None: the machine's own.
    `substitute`: take outputs from the machine's binary caches rather than build them.
    `max_jobs` derivations are built at a time with `cores` each; None: as the machine is set.
    `sandbox_paths` of the host are visible in the sandbox; the default shows none, also no
    /bin/sh, which some installations put there and others do not; None: as the machine is set.
    `keep_going` builds what still can be built after a failure.
    `program_dir` is the folder of Nix's programs; None: those on PATH.
    """

    store: str | None = None
    substitute: bool = False
    max_jobs: int | None = None
    cores: int | None = None
    sandbox_paths: tuple[str, ...] | None = ()
    keep_going: bool = False
    extra_options: tuple[tuple[str, str], ...] = ()
    program_dir: Path | None = None


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What Nix may see of this process's environment, and nothing of the user's Nix setup."""
    kept = {name: environ[name] for name in _KEPT_VARIABLES if name in environ}
    if "XDG_CACHE_HOME" in kept and not _can_be_made(Path(kept["XDG_CACHE_HOME"], "nix")):
        # why: newer Nix gives up there; the cache below the home does as well.
        del kept["XDG_CACHE_HOME"]
    # why: an empty list of user configuration files keeps ~/.config/nix/nix.conf out.
    return {**kept, "LC_ALL": "C", "NIX_USER_CONF_FILES": "", "TERM": "dumb"}


def _can_be_made(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return True


def option_arguments(settings: NixSettings, access: StoreAccess) -> list[str]:
    """The options of every call, for the new and the old programs of Nix alike."""
    options = {
        "extra-experimental-features": "nix-command flakes",
        "sandbox": "true",
        "sandbox-fallback": "false",
    }
    if settings.sandbox_paths is not None:
        options["sandbox-paths"] = " ".join(settings.sandbox_paths)
    if access.mode is Mode.SINGLE_USER and access.is_root and not access.has_build_users:
        options["build-users-group"] = ""
    if not settings.substitute:
        options["substitute"] = "false"
        options["substituters"] = ""
    if settings.max_jobs is not None:
        options["max-jobs"] = str(settings.max_jobs)
    if settings.cores is not None:
        options["cores"] = str(settings.cores)
    if settings.keep_going:
        options["keep-going"] = "true"
    if access.store_url is not None:
        options["store"] = access.store_url
    options.update(settings.extra_options)
    return [part for name, value in options.items() for part in ("--option", name, value)]
