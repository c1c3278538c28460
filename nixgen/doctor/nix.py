"""What to find out about Nix: is it there, may this user use it, does it really sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nixgen.aside import scratch_folder
from nixgen.doctor.finding import Finding, fail, ok, warn
from nixgen.errors import NixgenError
from nixgen.nixcli import INSTALL_HINT, OLDEST_NIX, Mode, Nix, Sandbox, probe_sandbox

_SANDBOX_HINT = (
    "echo 'sandbox = true' | sudo tee -a /etc/nix/nix.conf && sudo systemctl restart nix-daemon"
)
_BUILD_USERS_HINT = "sudo apt-get install nix-setup-systemd  (Debian)"


def examine_nix(nix: Nix) -> Iterator[Finding]:
    """Findings about Nix; the later ones only where the earlier ones let them be made."""
    try:
        yield ok("nix", f"Nix {nix.version} ({OLDEST_NIX} or newer is needed)")
    except NixgenError as error:
        yield fail("nix", error.message, error.hint or INSTALL_HINT)
        return
    try:
        yield ok("store", _describe_access(nix))
    except NixgenError as error:
        yield fail("store", error.message, error.hint)
        return
    writable = _writable(nix)
    yield writable
    if writable.status == "fail":
        return
    yield _features(nix)
    yield from _rights(nix)
    yield _sandbox(nix)
    yield _substituters(nix)


def _describe_access(nix: Nix) -> str:
    access = nix.access
    if access.mode is Mode.DAEMON:
        return "through the Nix daemon"
    if access.mode is Mode.REMOTE:
        return f"another machine's: {access.store_url}"
    if access.store_url is not None:
        return f"of this user's own, in {access.root}"
    return "single-user: this user writes /nix/store itself"


def _writable(nix: Nix) -> Finding:
    """Adds the same small file each time: the store holds it once."""
    with scratch_folder() as folder:
        file = folder / "nixgen-doctor"
        file.write_text("nixgen was here\n")
        try:
            added = nix.add_tree(file, "nixgen-doctor")
        except NixgenError as error:
            return fail("store-writable", error.message, error.hint)
    return ok("store-writable", f"wrote {added.store_path}")


def _features(nix: Nix) -> Finding:
    try:
        nix.eval_json("1 + 1")
    except NixgenError as error:
        return fail("features", error.message, INSTALL_HINT)
    return ok("features", "nix-command and flakes (nixgen turns them on itself)")


def _rights(nix: Nix) -> Iterator[Finding]:
    access = nix.access
    if access.mode is Mode.DAEMON:
        trusted = {True: "trusted by", False: "not trusted by", None: "in use of"}[_trust(nix)]
        yield ok("rights", f"{trusted} the daemon, which builds with its own settings")
    elif access.mode is Mode.SINGLE_USER and access.is_root and not access.has_build_users:
        yield warn(
            "rights",
            "builds run as root: the group nixbld of build users has no members",
            _BUILD_USERS_HINT,
        )
    elif access.mode is Mode.SINGLE_USER and access.is_root:
        yield ok("rights", "builds run as the users of the group nixbld")
    else:
        yield ok("rights", "builds run as this user")


def _trust(nix: Nix) -> bool | None:
    try:
        return nix.is_trusted()
    except NixgenError:
        return None


def _sandbox(nix: Nix) -> Finding:
    try:
        probe = probe_sandbox(nix)
    except NixgenError as error:
        return fail("sandbox", error.message, error.hint)
    if probe.sandbox is Sandbox.ON:
        return ok("sandbox", "a test build could not see the host's files")
    if probe.fault is not None:
        return fail("sandbox", probe.fault.message, probe.fault.hint)
    return fail("sandbox", "a test build ran a program of the host: no sandbox", _SANDBOX_HINT)


def _substituters(nix: Nix) -> Finding:
    # why: with the settings in use they are shown as none.
    asking = nix.with_settings(replace(nix.settings, substitute=True))
    try:
        value = asking.show_config().get("substituters")
    except NixgenError as error:
        return warn("substituters", error.message, error.hint)
    names = [str(name) for name in value] if isinstance(value, list) else str(value or "").split()
    used = "in use" if nix.settings.substitute else "not used unless asked for"
    return ok("substituters", f"{', '.join(names) or 'none'} ({used})")
