"""Store paths are parsed strictly and written as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixgen.digest import Digest
from nixgen.nixcli import StorePath, fixed_output_path

HASH = "0123456789abcdfghijklmnpqrsvwxyz"
BASE32 = "0123456789abcdfghijklmnpqrsvwxyz"


@given(
    st.text(BASE32, min_size=32, max_size=32),
    st.from_regex(r"[0-9A-Za-z+_?=-][0-9A-Za-z+._?=-]{0,100}", fullmatch=True),
)
def test_a_path_is_written_as_it_was_read(hash_part: str, name: str) -> None:
    text = f"/nix/store/{hash_part}-{name}"
    path = StorePath.parse(text)
    assert str(path) == text
    assert path.base_name == f"{hash_part}-{name}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/nix/store",
        f"/nix/store/{HASH}",
        f"/nix/store/{HASH}-",
        f"/nix/store/{HASH}-a/b",
        f"/nix/store/{HASH}-a b",
        f"/nix/store/{HASH}-a\n",
        f"/nix/store/{HASH}-.",
        f"/nix/store/{HASH}-..",
        f"/nix/store/{HASH}-é",
        f"/nix/store/{HASH}-{'a' * 212}",
        f"/nix/store/{HASH[:-1]}-a",
        f"/nix/store/{HASH[:-1]}e-a",
        f"/nix/store/{HASH[:-1]}U-a",
        f"/other/store/{HASH}-a",
        f"{HASH}-a",
    ],
)
def test_what_is_no_store_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="store path"):
        StorePath.parse(text)


def test_fixed_outputs_have_the_paths_that_nix_gives_them() -> None:
    digest = Digest("679c4c9bc3bf9f8e3f0843777449745ff7c6cca18a49d73132177942d32d64fc")
    flat = fixed_output_path("foo.nix", digest, recursive=False)
    tree = fixed_output_path("foo.nix", digest, recursive=True)
    assert str(flat) == "/nix/store/552a1smff7y4k2pgaj3m3rnfrym62qrv-foo.nix"
    assert str(tree) == "/nix/store/ffrdmcibkj8brdfxyjrc2r2g3hmsk20w-foo.nix"


def test_a_derivation_is_known_by_its_name() -> None:
    path = StorePath.parse(f"/nix/store/{HASH}-hello-2.12.drv")
    assert path.derivation_name == "hello-2.12"
