from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nixgen.errors import DescriptionError
from nixgen.platforms import Platform, native_platform
from nixgen.spec import (
    AppSpec,
    CBuild,
    Directory,
    Expectation,
    File,
    FilesBuild,
    Healthcheck,
    NixBuild,
    Port,
    Symlink,
    User,
    parse_description,
    read_sign,
)
from nixgen.spec.model import Sign
from tests.unit.spec import valid

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")


def resolve(
    text: str,
    project: Path,
    platform: Platform = AMD64,
    profile: str | None = None,
    **overrides: str,
) -> AppSpec:
    description = parse_description(text, path=project / "app.toml")
    return description.resolve(platform=platform, profile=profile, overrides=overrides)


def image(body: str, project: Path) -> AppSpec:
    return resolve(f'[app]\nname = "x"\n[image]\n{body}\n', project)


def test_a_name_is_enough(project: Path) -> None:
    spec = resolve(valid.SMALLEST, project)
    assert (spec.app.name, spec.app.version) == ("x", "0")
    assert (spec.packages.kind, spec.build, spec.tests) == ("bundled", None, ())
    assert spec.image.user == User(
        name="nonroot", uid=65532, group="nonroot", gid=65532, home="/home/nonroot"
    )
    assert (spec.image.workdir, spec.image.created, spec.image.tags) == ("/", 1, ("0",))
    assert (spec.project_dir, spec.platform, spec.profile) == (project, AMD64, None)


def test_every_key_arrives(project: Path) -> None:
    spec = resolve(valid.WHOLE, project, ARM64)
    assert spec.app.version == "1.4.0+git"
    assert spec.app.authors == ("Ada <ada@example.org>", "Grace")
    assert (spec.packages.kind, spec.packages.path) == ("path", project / "set")
    assert spec.build == CBuild(
        system="direct",
        program="shopd",
        sources=("*.c", "**/main.c"),
        cflags=("-O2", "-DVERSION=1.4.0+git"),
        ldflags=("-lm",),
        libs=("zlib", "python3Packages.x-y'"),
        std="c11",
    )
    made = spec.image
    assert made.contents == ("curl", "jq")
    assert made.entrypoint == ("shopd", "--url", "http://localhost:8080/shop-2")
    assert made.cmd == ("--quiet=true",)
    assert made.env == (
        ("A", "${HOME}"),
        ("ARM", "yes on linux/arm64"),
        ("Z", "1"),
        ("with.dot", "line\nline"),
    )
    assert made.user == User(
        name="shop", uid=1000, group="www", gid=1001, home="/srv", shell="/bin/sh"
    )
    assert [str(port) for port in made.ports] == ["9/sctp", "53/tcp", "53/udp", "8080/tcp"]
    assert made.volumes == ("/data", "/var/lib/shop")
    assert made.labels == (("a", "1"), ("b", "2"))
    assert made.annotations == (("org.example.arch", "arm64"),)
    assert made.stop_signal == "SIGINT"
    assert made.healthcheck == Healthcheck(
        run=("shopd", "--health"),
        interval_ns=90_000_000_000,
        timeout_ns=500_000_000,
        start_period_ns=1_500_000_000,
        retries=3,
    )
    assert made.files == (
        File(path="/etc/motd", text="port 8080\n", uid=7, gid=8),
        File(path="/etc/shop.toml", source="link-in", mode=0o640, uid=0, gid=1001),
    )
    assert made.directories == (Directory(path="/var/lib/shop", mode=0o1777, uid=1000, gid=1001),)
    assert made.symlinks == (Symlink(path="/app", target="../srv"),)
    assert (made.ca_certificates, made.timezones, made.timezone) == (False, True, "Europe/Berlin")
    assert (made.created, made.tags, made.compression) == (1769860800, ("latest", "1"), "none")
    assert made.layers.max == 20
    assert spec.tests[0].stdout == Expectation(text="1.4.0+git")


def test_a_profile_is_laid_over(project: Path) -> None:
    spec = resolve(valid.WHOLE, project, AMD64, "debug")
    assert spec.image.contents == ("busybox",)
    assert spec.image.entrypoint[2] == "http://localhost:9090/shop-2"
    assert [file.path for file in spec.image.files] == ["/etc/debug", "/etc/shop.toml"]
    assert (spec.image.user.uid, spec.image.user.gid) == (2000, 1001)
    assert isinstance(spec.build, CBuild)
    assert spec.build.cflags[-1] == "-g"


def test_a_platform_comes_after_the_profile(project: Path) -> None:
    spec = resolve(valid.WHOLE, project, ARM64, "debug")
    assert spec.image.contents == ("busybox", "jq")


def test_a_profile_knows_its_name(project: Path) -> None:
    spec = resolve(valid.WHOLE, project, AMD64, "none")
    assert dict(spec.image.env)["A"] == "profile none"


def test_an_override_takes_the_place_of_a_variable(project: Path) -> None:
    spec = resolve(valid.WHOLE, project, AMD64, "debug", port="1234")
    assert Port(number=1234) in spec.image.ports


def test_an_override_must_name_a_variable(project: Path) -> None:
    with pytest.raises(DescriptionError) as caught:
        resolve(valid.WHOLE, project, prt="1")
    assert 'did you mean "port"?' in str(caught.value)


def test_what_an_override_makes_wrong_is_told(project: Path) -> None:
    with pytest.raises(DescriptionError) as caught:
        resolve(valid.WHOLE, project, port="http")
    assert [problem.key for problem in caught.value.problems] == ["image.ports[0]"]


def test_an_unknown_profile_is_told(project: Path) -> None:
    with pytest.raises(DescriptionError) as caught:
        resolve(valid.WHOLE, project, profile="debgu")
    assert 'did you mean "debug"?' in str(caught.value)


def test_platforms_follow_the_profile_and_native_is_this_machine(project: Path) -> None:
    description = parse_description(valid.WHOLE, path=project / "app.toml")
    native = native_platform()
    assert description.platforms() == tuple(dict.fromkeys((AMD64, ARM64, native)))
    assert description.platforms("none") == (Platform("linux", "riscv64"),)
    smallest = parse_description(valid.SMALLEST, path=project / "app.toml")
    assert smallest.platforms() == (native,)


def test_platforms_take_variables(project: Path) -> None:
    text = '[app]\nname = "x"\n[vars]\np = "linux/arm64"\n[image]\nplatforms = ["${p}"]\n'
    assert parse_description(text, path=project / "app.toml").platforms() == (ARM64,)


def test_files_and_their_defaults(project: Path) -> None:
    spec = resolve(valid.FILES, project)
    assert spec.build == FilesBuild(
        src="site", dest="/srv/www", include=("**",), exclude=("*.map",)
    )
    assert spec.image.user == User(name="app", uid=1000, group="app", gid=1000, home="/home/app")
    assert (spec.image.created, spec.image.timezones) == ("source-date-epoch", True)
    text = '[app]\nname = "x"\n[build]\nkind = "files"\n'
    assert resolve(text, project).build == FilesBuild(dest="/srv/x")


def test_nix_arguments_keep_their_types(project: Path) -> None:
    spec = resolve(valid.NIX, project)
    assert spec.build == NixBuild(
        src="nix",
        args=(("debug", True), ("level", 3), ("name", "nixy"), ("parts", ("a", 1, False))),
    )
    assert (spec.image.user.name, spec.image.user.uid) == ("root", 0)


def test_c_takes_the_makefile_where_there_is_one(project: Path) -> None:
    made = resolve(valid.MAKE, project)
    assert made.build == CBuild(
        src="made", system="make", program="made", make_targets=("all", "install")
    )
    assert made.image.entrypoint == ("made",)
    direct = resolve('[app]\nname = "x"\n[build]\nkind = "c"\n', project)
    assert direct.build == CBuild(system="direct", program="x")


@pytest.mark.parametrize(
    ("written", "user"),
    [
        ('"root"', (0, 0, "root", "/root")),
        ('"0"', (0, 0, "root", "/root")),
        ('"nonroot"', (65532, 65532, "nonroot", "/home/nonroot")),
        ('"shop"', (65532, 65532, "shop", "/home/shop")),
        ('"1000"', (1000, 1000, "app", "/home/app")),
        ("1000", (1000, 1000, "app", "/home/app")),
        ('"1000:0"', (1000, 0, "app", "/home/app")),
        ('{ name = "shop", uid = 7 }', (7, 7, "shop", "/home/shop")),
        ('{ name = "shop" }', (65532, 65532, "shop", "/home/shop")),
        ('{ name = "root" }', (0, 0, "root", "/root")),
    ],
)
def test_users(written: str, user: tuple[int, int, str, str], project: Path) -> None:
    made = image(f"user = {written}", project).image.user
    assert (made.uid, made.gid, made.name, made.home) == user


@pytest.mark.parametrize(
    ("owner", "ids"),
    [
        ("", (0, 0)),
        ('user = "shop"', (5, 6)),
        ('user = "5"', (5, 6)),
        ('user = "shop", group = "root"', (5, 0)),
        ("uid = 9", (9, 9)),
        ('user = 9, group = "shop"', (9, 6)),
        ("gid = 3", (0, 3)),
    ],
)
def test_owners(owner: str, ids: tuple[int, int], project: Path) -> None:
    entry = f'{{ path = "/x"{", " + owner if owner else ""} }}'
    body = f'user = {{ name = "shop", uid = 5, gid = 6 }}\ndirectories = [{entry}]'
    made = image(body, project).image.directories[0]
    assert (made.uid, made.gid) == ids


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ('"epoch"', 1),
        ("0", 0),
        ('"1970-01-01T00:00:01Z"', 1),
        ('"1970-01-01T01:00:01+01:00"', 1),
        ("1970-01-01T00:00:01Z", 1),
        ('"2026-01-31t12:00:00.5z"', 1769860800),
    ],
)
def test_times(written: str, seconds: int, project: Path) -> None:
    assert image(f"created = {written}", project).image.created == seconds


@pytest.mark.parametrize(
    ("version", "tag"),
    [("1.4.0", "1.4.0"), ("1.0+git", "1.0-git"), (".1", "v.1"), ("é", "v-")],
)
def test_the_tag_is_the_version_as_far_as_a_tag_can_be(
    version: str, tag: str, project: Path
) -> None:
    text = f'[app]\nname = "x"\nversion = "{version}"\n'
    assert resolve(text, project).image.tags == (tag,)


@pytest.mark.parametrize(
    ("written", "signal"),
    [
        ('"SIGTERM"', "SIGTERM"),
        ('"term"', "SIGTERM"),
        ("15", "15"),
        ('"09"', "9"),
        ('"SIGRTMIN+3"', "SIGRTMIN+3"),
    ],
)
def test_signals(written: str, signal: str, project: Path) -> None:
    assert image(f"stop-signal = {written}", project).image.stop_signal == signal


def test_filled_in_strings_count_as_numbers_and_booleans(project: Path) -> None:
    text = """\
[app]
name = "x"
[vars]
max = 7
yes = true
[image]
timezones = "${yes}"
layers = { max = "${max}" }
user = "${max}"
"""
    spec = resolve(text, project)
    assert (spec.image.timezones, spec.image.layers.max, spec.image.user.uid) == (True, 7, 7)


def test_a_set_may_be_outside_the_project(project: Path) -> None:
    (project.parent / "default.nix").write_text("")
    spec = resolve('[app]\nname = "x"\n[packages]\nset = "../"\n', project)
    assert spec.packages.kind == "path"


def test_the_design_example_is_refused_for_what_is_not_served_yet(project: Path) -> None:
    description = parse_description(valid.DESIGN, path=project / "app.toml")
    with pytest.raises(DescriptionError) as caught:
        description.resolve(platform=AMD64)
    assert [(problem.key, problem.line) for problem in caught.value.problems] == [
        ("packages.set", 6),
        ("build.kind", 13),
    ]
    assert all("is not served yet" in problem.message for problem in caught.value.problems)
    assert all(problem.hint for problem in caught.value.problems)


def test_everything_unserved_is_told_at_once(project: Path) -> None:
    description = parse_description(valid.UNSERVED, path=project / "app.toml")
    assert {problem.key for problem in description.unserved()} == {
        "packages.set",
        "build.kind",
    }
    served = parse_description(valid.WHOLE, path=project / "app.toml")
    assert served.unserved() == ()


def test_who_signs_is_known_where_nothing_else_of_the_project_is(tmp_path: Path) -> None:
    place = tmp_path / "app.toml"
    place.write_text(
        '[app]\nname = "x"\n[vars]\nref = "main"\n[build]\nkind = "files"\nsrc = "not-here"\n'
        '[sign]\nkey = "team.key"\nattach = []\n'
        '[profile.two.sign]\nkey = "${ref}-${app.version}.key"\n'
    )
    assert read_sign(place) == Sign(key="team.key", attach=())
    assert read_sign(place, profile="two").key == "main-0.key"
    with pytest.raises(DescriptionError, match="no profile"):
        read_sign(place, profile="three")
    place.write_text(place.read_text() + "identity = 1\n")
    with pytest.raises(DescriptionError, match="identity"):
        read_sign(place, profile="two")


def test_a_resolved_description_is_a_value(project: Path) -> None:
    spec = resolve(valid.WHOLE, project)
    assert hash(spec) == hash(resolve(valid.WHOLE, project))
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.platform = ARM64  # type: ignore[misc]


def test_order_in_the_text_does_not_matter_where_it_means_nothing(project: Path) -> None:
    first = image('env = { A = "1", B = "2" }\nports = [1, 2]\nvolumes = ["/a", "/b"]', project)
    second = image('volumes = ["/b", "/a"]\nports = [2, 1]\nenv = { B = "2", A = "1" }', project)
    assert first.image == second.image


def test_a_build_of_cross_alone_builds_no_app(project: Path) -> None:
    spec = resolve('[app]\nname = "x"\n[build]\ncross = "emulated"\n', project)
    assert (spec.build, spec.cross) == (None, "emulated")


def test_each_platform_can_be_built_in_a_way_of_its_own(project: Path) -> None:
    text = (
        '[app]\nname = "x"\n[build]\ncross = "cross"\n'
        '[platform."linux/arm64".build]\ncross = "native"\n'
    )
    assert resolve(text, project, AMD64).cross == "cross"
    assert resolve(text, project, ARM64).cross == "native"


def _with_program(project: Path, name: str, platform: Platform) -> None:
    (project / name).write_bytes(platform.facts.elf.header() + bytes(40))


_TOOL = """
[app]
name = "x"
[image]
files = [
  { path = "/etc/shop.toml", source = "shop.toml" },
  { path = "/bin/tool", source = "tool", mode = "0755" },
]
"""


def test_a_program_of_another_machine_among_the_files_is_a_mistake(project: Path) -> None:
    _with_program(project, "tool", AMD64)
    resolve(_TOOL, project, AMD64)
    with pytest.raises(DescriptionError) as caught:
        resolve(_TOOL, project, ARM64)
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == ("image.files[1].source", 7)
    assert '"tool" is a program for x86-64' in problem.message
    assert "linux/arm64 takes AArch64" in problem.message
    assert "${platform.arch}" in (problem.hint or "")


def test_a_program_of_another_machine_that_is_meant_is_none(project: Path) -> None:
    _with_program(project, "tool", AMD64)
    text = _TOOL + 'foreign-binaries = ["/bin/tool"]\n'
    assert resolve(text, project, ARM64).image.foreign_binaries == ("/bin/tool",)
    with pytest.raises(DescriptionError):
        resolve(_TOOL + 'foreign-binaries = ["/sbin/**"]\n', project, ARM64)


def test_each_platform_takes_its_own_program(project: Path) -> None:
    for platform in (AMD64, ARM64):
        _with_program(project, f"tool-{platform.architecture}", platform)
    text = _TOOL.replace('source = "tool"', 'source = "tool-${platform.arch}"')
    for platform in (AMD64, ARM64):
        sources = {file.source for file in resolve(text, project, platform).image.files}
        assert f"tool-{platform.architecture}" in sources


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("debian", "registry"),
        ("debian:12", "registry"),
        ("localhost:5000/a/b_c@sha256:" + "0" * 64, "registry"),
        ("[::1]:5000/base:1", "registry"),
        ("./base.oci", "disk"),
        ("oci:base.oci", "disk"),
        ("docker-archive:base.oci:registry.example/base:1.0", "disk"),
    ],
)
def test_a_base_is_a_reference_or_a_place_on_disk(project: Path, written: str, kind: str) -> None:
    (project / "base.oci").mkdir()
    base = image(f'from = "{written}"', project).image.base
    assert base is not None
    assert (base.text, base.kind) == (written, kind)


def test_a_file_of_the_project_is_not_taken_for_a_repository(project: Path) -> None:
    (project / "base.oci").mkdir()
    with pytest.raises(DescriptionError, match=r'did you mean "\./base\.oci"'):
        image('from = "base.oci"', project)


def test_what_a_description_gives_itself_is_known(project: Path) -> None:
    spec = image('user = "shop"\ncmd = []', project)
    assert spec.image.given == ("cmd", "user")
    assert image("", project).image.given == ()


def test_what_is_left_out_is_read(project: Path) -> None:
    text = """
[closure]
minimise = "tight"
keep = ["share/man/**"]
drop = ["share/locale/**", "lib/*.zip"]
keep-paths = ["mailcap-*"]
"""
    closure = resolve('[app]\nname = "x"\n' + text, project).closure
    assert closure.minimise == "tight"
    assert closure.keep == ("share/man/**",)
    assert closure.drop == ("share/locale/**", "lib/*.zip")
    assert closure.keep_paths == ("mailcap-*",)
