"""`nixgen verify --emit-policy`: what is demanded of an image, for Kubernetes to demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nixgen.cli.output import print_json, print_result
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.cli.verify import WordOptions


def print_admission_policy(
    image: str, word: WordOptions, unused: Mapping[str, bool], *, as_json: bool
) -> None:
    """Print what is demanded of an image as an admission policy; `unused` must not be given.

    Raises UsageError with everything that the policy can't say, KeyFileError.
    """
    from nixgen.attest.admission import Demands, format_yaml, make_admission_policy
    from nixgen.pipeline.naming import parse_source
    from nixgen.registry import ImageReference

    for option, given in unused.items():
        if given:
            hint = "name its --trusted-root FILE" if option == "--staging" else "leave it out"
            raise UsageError(f"{option} says nothing to an admission policy", hint=hint)
    reference = parse_source(image)
    if not isinstance(reference, ImageReference):
        raise UsageError(
            f"{image} is on this machine, and an admission policy is for images of a registry",
            hint="name it HOST/REPOSITORY",
        )
    words = word.words()
    demands = Demands(
        keys=words.keys,
        identities=words.identities,
        policy=words.rules,
        trusted_root=word.trust().trusted_root_json(),
    )
    policy = make_admission_policy(reference, demands)
    if as_json:
        print_json(policy)
    else:
        print_result(format_yaml(policy))
