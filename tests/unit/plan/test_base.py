"""An image above a base: what it takes over, what it adds, and what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nixgen.digest import Digest
from nixgen.errors import DescriptionError
from nixgen.lock import PinnedSet
from nixgen.plan import Base, BuildMachine, ImagePlan, PlanOptions, make_plan
from nixgen.platforms import Platform
from nixgen.rootfiles import RootFiles, RootFolder
from nixgen.spec import parse_description

AMD64 = Platform("linux", "amd64")
DIGEST = Digest.of_bytes(b"base")
PASSWD = "root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/var/www:/bin/false\n"
GROUP = "root:x:0:\nwww:x:34:\n"
FILES = RootFiles(
    folders={path: RootFolder() for path in ("/", "/usr", "/usr/bin", "/etc", "/run", "/var/www")}
    | {"/tmp": RootFolder(mode=0o1777), "/root": RootFolder(mode=0o700)}
    | {"/srv": RootFolder(mode=0o2775, uid=33, gid=34)},
    links={"/bin": "usr/bin", "/var/run": "/run"},
    programs=frozenset({"/usr/bin/python3"}),
    texts={"/etc/passwd": PASSWD, "/etc/group": GROUP, "/etc/nsswitch.conf": "passwd: files\n"},
)
RUNTIME = {
    "Cmd": ["-c", "pass"],
    "Entrypoint": ["python3"],
    "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C", "LANG=C.UTF-8", "EMPTY="],
    "ExposedPorts": {"80/tcp": {}},
    "Healthcheck": {"Test": ["CMD", "true"]},
    "Labels": {"team": "base", "kept": "yes"},
    "OnBuild": ["RUN x"],
    "StopSignal": "SIGQUIT",
    "User": "www",
    "Volumes": {"/data": {}},
    "WorkingDir": "/srv",
}


def plan(body: str = "", *, files: RootFiles = FILES, layers: int = 3, **runtime: Any) -> ImagePlan:
    text = f'[app]\nname = "x"\n[image]\nfrom = "registry.example/base:1"\n{body}\n'
    spec = parse_description(text, path=Path("app.toml")).resolve(platform=AMD64)
    base = Base(
        name="registry.example/base:1",
        reference="registry.example/base:1",
        digest=DIGEST,
        has_manifest=True,
        layers=layers,
        runtime={**RUNTIME, **runtime},
        files=files,
    )
    options = PlanOptions(machine=BuildMachine(system="x86_64-linux"))
    made = make_plan(
        [spec],
        description_file="app.toml",
        package_set=PinnedSet(kind="bundled", digest=DIGEST),
        options=options,
        source_files=(),
        bases=[base],
    )
    return made.images[0]


def config(body: str = "", **more: Any) -> dict[str, Any]:
    return dict(plan(body, **more).config)


def entries(body: str = "", **more: Any) -> dict[str, Any]:
    return {entry.path: entry for entry in plan(body, **more).entries}


def test_what_is_not_described_is_the_bases() -> None:
    assert config("ca-certificates = false") == {
        "Cmd": ["-c", "pass"],
        "Entrypoint": ["python3"],
        "Env": ["EMPTY=", "LANG=C.UTF-8", "PATH=/bin:/usr/local/bin:/usr/bin"],
        "ExposedPorts": {"80/tcp": {}},
        "Healthcheck": {"Test": ["CMD", "true"]},
        "Labels": {"kept": "yes", "team": "base"},
        "StopSignal": "SIGQUIT",
        "User": "www",
        "Volumes": {"/data": {}},
        "WorkingDir": "/srv",
    }


def test_tables_are_laid_over_the_bases() -> None:
    found = config(
        'env = { LANG = "de", LOG = "1" }\nlabels = { team = "own" }\nports = [8080]\n'
        'volumes = ["/var/lib/x"]\nworkdir = "/run"'
    )
    assert {"LANG=de", "LOG=1", "EMPTY="} <= set(found["Env"])
    assert found["Labels"] == {"kept": "yes", "team": "own"}
    assert list(found["ExposedPorts"]) == ["80/tcp", "8080/tcp"]
    assert list(found["Volumes"]) == ["/data", "/var/lib/x"]
    assert found["WorkingDir"] == "/run"


def test_a_path_that_is_described_is_taken_as_it_is() -> None:
    assert "PATH=/usr/bin" in config('env = { PATH = "/usr/bin" }')["Env"]


@pytest.mark.parametrize("env", [["LANG=C"], None, ["PATH="]])
def test_a_base_without_a_path_has_the_engines(env: list[str] | None) -> None:
    path = "PATH=/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin"
    assert path in config(Env=env)["Env"]


@pytest.mark.parametrize("body", ['entrypoint = ["own"]', "entrypoint = []"])
def test_with_another_program_go_the_settings_of_the_bases(body: str) -> None:
    found = config(body)
    assert not {"Cmd", "Healthcheck", "StopSignal"} & set(found)
    assert found.get("Entrypoint") == (["own"] if "own" in body else None)


def test_cmd_alone_leaves_the_bases_program() -> None:
    found = config('cmd = ["--help"]')
    assert (found["Entrypoint"], found["Cmd"]) == (["python3"], ["--help"])
    assert "Cmd" not in config("cmd = []")


def test_a_base_without_a_user_does_not_make_root_of_it() -> None:
    assert config(User="")["User"] == "65532:65532"
    assert config('user = "root"', User="")["User"] == "0:0"


def test_the_bases_accounts_stay_where_it_says_who_runs() -> None:
    assert not {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf"} & set(entries())


def test_a_new_user_is_added_to_the_bases() -> None:
    found = entries('user = "shop"')
    line = "shop:x:65532:65532::/home/shop:/sbin/nologin\n"
    assert found["/etc/passwd"].text == PASSWD + line
    assert found["/etc/group"].text == GROUP + "shop:x:65532:\n"
    assert (found["/home/shop"].uid, found["/home/shop"].mode) == (65532, "0700")
    texts = {**FILES.texts, "/etc/passwd": PASSWD.rstrip("\n")}
    cut = RootFiles(folders=FILES.folders, texts=texts)
    assert entries('user = "shop"', files=cut)["/etc/passwd"].text == PASSWD + line


def test_a_user_that_the_base_has_keeps_the_bases_numbers() -> None:
    body = 'user = "www"\nfiles = [{ path = "/a", text = "", user = "www" }]'
    assert config(body)["User"] == "33:34"
    found = entries(body)
    assert (found["/a"].uid, found["/a"].gid) == (33, 34)
    assert not {"/etc/passwd", "/etc/group", "/home/www"} & set(found)


def test_a_number_that_the_base_has_is_that_user() -> None:
    assert config('user = "33:34"')["User"] == "33:34"
    assert "/etc/passwd" not in entries('user = "33:34"')


def test_a_user_with_other_numbers_than_the_bases_is_refused() -> None:
    with pytest.raises(DescriptionError, match='a user "www" with the number 33, not 1000'):
        plan('user = { name = "www", uid = 1000 }')


def test_a_base_without_accounts_gets_them() -> None:
    found = entries('user = "shop"', files=RootFiles(folders={"/": RootFolder()}), User="")
    assert found["/etc/passwd"].text.startswith("root:x:0:0:")
    assert {"/etc/group", "/etc/nsswitch.conf", "/home/shop", "/tmp"} <= set(found)


def test_folders_that_the_base_has_stay_as_they_are() -> None:
    found = entries('volumes = ["/var/www", "/var/run/x"]')
    assert "/tmp" not in found
    assert "/var/www" not in found
    assert "/run/x" in found


def test_entries_go_where_the_bases_links_lead() -> None:
    found = entries(
        'files = [{ path = "/bin/own", text = "" }, { path = "/var/run/a/b", text = "" }]\n'
        'directories = [{ path = "/var/run", mode = "0711" }]\n'
        'symlinks = [{ path = "/bin/py", target = "/usr/bin/python3" }]'
    )
    assert {"/usr/bin/own", "/run/a/b", "/run", "/usr/bin/py"} <= set(found)
    assert found["/run"].mode == "0711"


def test_folders_above_entries_keep_the_bases_modes_and_owners() -> None:
    found = entries('files = [{ path = "/srv/app/conf", text = "" }]')
    folder = found["/srv"]
    assert (folder.type, folder.mode, folder.uid, folder.gid) == ("directory", "2775", 33, 34)
    assert "/etc" not in entries('files = [{ path = "/etc/x", text = "" }]')


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            'files = [{ path = "/bin/a", text = "" }, { path = "/usr/bin/a", text = "" }]',
            "/usr/bin/a is described twice",
        ),
        ('files = [{ path = "/root", text = "" }]', "/root is a folder of the base image"),
    ],
)
def test_entries_that_do_not_fit_the_base_are_refused(body: str, said: str) -> None:
    with pytest.raises(DescriptionError, match=said):
        plan(body)


def test_an_entry_in_the_store_by_a_link_is_refused() -> None:
    files = RootFiles(
        folders={"/": RootFolder(), "/nix/store/x": RootFolder()}, links={"/opt": "/nix/store/x"}
    )
    with pytest.raises(DescriptionError, match="is in the Nix store"):
        plan('files = [{ path = "/opt/a", text = "" }]', files=files)


def test_certificates_that_the_base_names_are_left() -> None:
    env = ["SSL_CERT_FILE=/etc/pki/own.pem"]
    assert "SSL_CERT_FILE=/etc/pki/own.pem" in config(Env=env)["Env"]
    assert "cacert" not in plan(Env=env).contents
    asked = plan("ca-certificates = true", Env=env)
    assert "SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt" in asked.config["Env"]
    assert "cacert" in asked.contents
    assert "cacert" in plan().contents


def test_the_manifest_names_its_base() -> None:
    found = plan().annotations
    assert found["org.opencontainers.image.base.name"] == "registry.example/base:1"
    assert found["org.opencontainers.image.base.digest"] == str(DIGEST)
    own = plan('annotations = { "org.opencontainers.image.base.name" = "other" }').annotations
    assert own["org.opencontainers.image.base.name"] == "other"


def test_the_plan_tells_of_the_base() -> None:
    made = plan()
    assert made.base is not None
    assert (made.base.digest, made.base.layers) == (DIGEST, 3)
    assert made.base.links == (("/bin", "/usr/bin"), ("/var/run", "/run"))
    assert made.max_layers == 97


def test_a_base_leaves_room_for_two_layers() -> None:
    assert plan("layers = { max = 5 }").max_layers == 2
    with pytest.raises(DescriptionError, match="leaves 1 for this image"):
        plan("layers = { max = 4 }")
    with pytest.raises(DescriptionError, match="take a base with fewer layers"):
        plan("layers = { max = 127 }", layers=126)


def test_names_in_no_encoding_do_not_get_into_the_plan() -> None:
    files = RootFiles(
        folders={"/": RootFolder(), "/\udcff": RootFolder(), "/a\tb": RootFolder()},
        links={"/x": "/\udcff", "/y": "/a\tb"},
    )
    made = plan(files=files)
    assert made.base is not None
    assert made.base.links == ()
    with pytest.raises(DescriptionError, match="which can't be written"):
        plan('files = [{ path = "/x/a", text = "" }]', files=files)
