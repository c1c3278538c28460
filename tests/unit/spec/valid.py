"""Descriptions without a mistake, which use every key of the format between them."""

from __future__ import annotations

DESIGN = """\
[app]
name = "shop"
version = "1.4.0"

[packages]
set = "nixpkgs"
channel = "nixos-26.05"

[vars]
port = 8080

[build]
kind = "python"
src = "."

[image]
contents = ["bash", "curl"]
entrypoint = ["shop", "--port", "${port}"]
env = { LOG = "info" }
user = "shop"
ports = ["${port}/tcp"]
files = [{ path = "/etc/shop.toml", source = "shop.toml", mode = "0644" }]
ca-certificates = true
platforms = ["linux/amd64", "linux/arm64"]

[closure]
minimise = "safe"
max-size = "60 MB"
forbid = ["gcc", "perl"]

[[test]]
run = ["shop", "--version"]
stdout = "shop 1.4.0"

[profile.debug.image]
contents = { append = ["strace"] }
"""

WHOLE = """\
nixgen = 1

[app]
name = "shop-2"
version = "${major}.4.0+git"
description = "Sells things"
source = "https://example.org/shop.git"
revision = "9f2c1e7"
licenses = "Apache-2.0 OR MIT"
authors = ["Ada <ada@example.org>", "Grace"]
homepage = "https://example.org/"

[packages]
set = "./set"

[vars]
major = 1
port = 8080
url = "http://localhost:${port}/${app.name}"
quiet = true

[build]
kind = "c"
src = "."
cross = "cross"
system = "direct"
program = "shopd"
sources = ["*.c", "**/main.c"]
cflags = ["-O2", "-DVERSION=${app.version}"]
ldflags = ["-lm"]
libs = ["zlib", "python3Packages.x-y'"]
std = "c11"

[image]
contents = ["curl"]
entrypoint = ["shopd", "--url", "${url}"]
cmd = ["--quiet=${quiet}"]
env = { Z = "1", A = "$${HOME}", "with.dot" = "line\\nline" }
user = { name = "shop", uid = 1000, gid = 1001, group = "www", home = "/srv", shell = "/bin/sh" }
workdir = "/srv/shop"
ports = ["${port}", 53, "53/udp", "9/sctp"]
volumes = ["/var/lib/shop", "/data"]
labels = { b = "2", a = "1" }
annotations = { "org.example.arch" = "${platform.arch}" }
stop-signal = "int"
ca-certificates = false
timezone = "Europe/Berlin"
created = 2026-01-31T12:00:00Z
tags = ["latest", "${major}"]
compression = "none"
foreign-binaries = ["/usr/lib/firmware/**", "gcc-*/lib"]
platforms = ["linux/amd64", "linux/arm64", "native"]
directories = [{ path = "/var/lib/shop", mode = "1777", user = "shop" }]
symlinks = [{ path = "/app", target = "../srv" }]

[image.healthcheck]
run = ["shopd", "--health"]
interval = "1m30s"
timeout = "500ms"
start-period = "1.5s"
retries = 3

[image.layers]
max = 20
strategy = "popularity"

[[image.files]]
path = "/etc/shop.toml"
source = "link-in"
mode = "0640"
user = "root"
group = "www"

[[image.files]]
path = "/etc/motd"
text = "port ${port}\\n"
uid = 7
gid = 8

[closure]
minimise = "none"

[[test]]
name = "says its version"
run = ["shopd", "--version"]
stdout = "${app.version}"
stderr = ""
exit = 0
files = ["/etc/motd"]

[profile.debug]
vars = { port = 9090 }
build.cflags = { append = ["-g"] }

[profile.debug.image]
contents = { prepend = ["busybox"], remove = ["curl"] }
files = { remove = ["/etc/motd"], append = [{ path = "/etc/debug", text = "" }] }
user.uid = 2000

[profile.none.image]
env = { A = "profile ${profile}" }
platforms = ["linux/riscv64"]

[platform."linux/arm64".image]
env = { ARM = "yes on ${platform}" }
contents = { append = ["jq"] }

[sign]
attach = ["provenance", "tests"]
key = "team.key"
"""

FILES = """\
[app]
name = "site"
[build]
kind = "files"
src = "site"
include = ["**"]
exclude = ["*.map"]
dest = "/srv/www"
[image]
user = "1000:1000"
created = "source-date-epoch"
timezones = true
"""

NIX = """\
[app]
name = "nixy"
[build]
kind = "nix"
src = "nix"
file = "default.nix"
args = { debug = true, level = 3, name = "${app.name}", parts = ["a", 1, false] }
[image]
user = 0
created = 1700000000
"""

MAKE = """\
[app]
name = "made"
[build]
kind = "c"
src = "made"
make-targets = ["all", "install"]
"""

UNSERVED = """\
[app]
name = "later"
[packages]
set = "github:example/nixpkgs/branch"
[build]
kind = "go"
cross = "emulated"
[closure]
minimise = "tight"
max-size = 1000
max-unpacked-size = "1.5 GiB"
max-layers = 20
forbid = ["gcc", "*-dev", "openssl<3.1"]
allow-only = ["later"]
no-shell = true
no-setuid = true
no-world-writable = true
keep = ["share/x/**"]
keep-paths = ["mailcap-*"]
as-named = ["ffmpeg", "*"]
drop = ["share/doc/**"]
cut = [{ from = "python3", to = "gcc" }]
[sign]
identity = "ci@example.org"
issuer = "https://id.example.org"
"""

BASED = f"""\
[app]
name = "based"
[image]
from = "registry.example:5000/team/debian:12@sha256:{"0" * 64}"
contents = ["curl"]
[profile.slim.image]
from = "debian"
[sign]
identity-pattern = '.*@example[.]org'
issuer = "https://id.example.org"
"""

TESTS = """\
[app]
name = "tested"
[vars]
port = 8080
[image]
entrypoint = ["tested"]
user = "shop"
[[test]]
stdin = "a\\nb\\n"
env = { LOG = "${platform.arch}" }
user = "root"
stdout = { contains = ["a", "b"], regex = '^b$' }
timeout = "1m30s"
network = true
[[test]]
run = ["tested", "two words"]
[[test]]
run = ["tested", "two words"]
exit = 3
stderr = { contains = "sorry", regex = "." }
user = 7
[[test]]
ports = ["${port}", "80/tcp", { port = "${port}", get = "/a?b", status = 404, body = "gone" },
  { port = 1, get = "/", body = { contains = "x", regex = "y" } }]
platforms = ["linux/arm64"]
[[test]]
files = ["/etc/passwd", { path = "/bin/x", type = "file", mode = "0555" }]
absent = ["/bin/sh"]
user = "8:9"
[profile.debug]
test = { append = [{ name = "more", run = ["tested"] }] }
"""

SMALLEST = '[app]\nname = "x"\n'

VALID = {
    "based": BASED,
    "design": DESIGN,
    "whole": WHOLE,
    "files": FILES,
    "nix": NIX,
    "make": MAKE,
    "unserved": UNSERVED,
    "tests": TESTS,
    "smallest": SMALLEST,
}
