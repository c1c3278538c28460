import pytest

from nixgen.digest import Digest
from nixgen.sources.storepath import fixed_output_path, is_store_name

# The paths are those that Nix 2.8 itself gave to this content.
BUSYBOX = Digest("3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4")
ZIG = Digest.parse_sri("sha256-VGkkn+U7jvqAWA3NztQV9Sn9zgN6ch1spLN+RoJ2CO8=")


def test_a_files_path_is_the_one_that_nix_gives() -> None:
    path = fixed_output_path("busybox_1.37.0.orig.tar.bz2", digest=BUSYBOX, recursive=False)
    assert path == "/nix/store/2phl1d3ww74jjk2ggad5rc4l27c8rs2g-busybox_1.37.0.orig.tar.bz2"


def test_a_trees_path_is_the_one_that_nix_gives() -> None:
    path = fixed_output_path("zig-0.15.2-x86_64-linux", digest=ZIG, recursive=True)
    assert path == "/nix/store/pn2jbmr727jrfljji6mq35yllkk8gz9a-zig-0.15.2-x86_64-linux"


def test_another_store_has_other_paths() -> None:
    here = fixed_output_path("x", digest=ZIG, recursive=True)
    there = fixed_output_path("x", digest=ZIG, recursive=True, store_dir="/srv/store")
    assert there.startswith("/srv/store/")
    assert here.rpartition("/")[2] != there.rpartition("/")[2]


@pytest.mark.parametrize("name", ["a", "a_1+b.tar?x=y", "x" * 211])
def test_names_that_nix_takes(name: str) -> None:
    assert is_store_name(name)


@pytest.mark.parametrize("name", ["", ".a", "a/b", "a b", "ä", "x" * 212, "a\n"])
def test_names_that_nix_refuses(name: str) -> None:
    assert not is_store_name(name)
