"""`nixgen sign`, and how to sign for the commands that do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nixgen.cli.groups import grouped
from nixgen.cli.key import PassphraseFileOption, key_signer
from nixgen.cli.options import (
    CaFileOption,
    JsonOption,
    PlainHttpOption,
    StoreOption,
    make_nix,
)
from nixgen.cli.output import print_json, print_result, reporting_errors
from nixgen.cli.predicates import PredicateOptions
from nixgen.cli.statements import BuilderIdOption, check_builder_id
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.attest.certificates import Identity
    from nixgen.attest.signing import Signer
    from nixgen.attest.statement import Statement
    from nixgen.attest.trust import Trust
    from nixgen.nixcli import Nix


class Statements(StrEnum):
    """What can be attached, as `nixgen.pipeline.statements.Attachment` names it."""

    provenance = "provenance"
    spdx = "spdx"
    cyclonedx = "cyclonedx"
    closure = "closure"
    tests = "tests"


BundlesOption = Annotated[
    Path | None,
    typer.Option("--bundles", metavar="DIR", help="A folder of signatures beside images."),
]
ImageArgument = Annotated[
    str, typer.Argument(metavar="IMAGE", help="A layout, or HOST/REPOSITORY[:TAG][@DIGEST].")
]
TrustConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--trust-config", metavar="FILE", help="A Sigstore instance of your own to sign with."
    ),
]
StagingOption = Annotated[bool, typer.Option("--staging", help="Sigstore's staging instance.")]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE.key", help="The key to sign with.")
]
KeylessOption = Annotated[
    bool,
    typer.Option(
        "--keyless", help="Sign with an identity: of CI, of SIGSTORE_ID_TOKEN, or by a browser."
    ),
]
TokenOption = Annotated[
    Path | None,
    typer.Option("--identity-token", metavar="FILE", help="An identity token for --keyless."),
]
AttachOption = Annotated[
    list[Statements] | None,
    typer.Option(
        "--attach",
        help="Sign and attach what is known of the image, too: its provenance, a bill of "
        "materials, the report on its closure, what came of its tests; may be repeated.",
    ),
]


RenewOption = Annotated[
    bool,
    typer.Option(
        "--renew", help="Sign anew what the identity has signed before, for a later time."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """How to sign: a key is read at once, an identity, which lives shortly, when it is used."""

    by_key: Signer | None
    token_file: Path | None
    trust: Trust
    renews: bool

    def signer(self) -> Signer:
        """The signer; raises TokenError."""
        if self.by_key is not None:
            return self.by_key
        from nixgen.attest.keyless import KeylessSigner, find_token

        token = find_token(
            os.environ, file=self.token_file, trust=self.trust, interactive=_is_terminal()
        )
        return KeylessSigner(self.trust, token, renews=self.renews)

    def check(self, expected: Identity | None) -> None:
        """Raise the TokenError that signing is going to raise, as far as is known before a build.

        `expected` is who signs by the description.
        """
        if self.by_key is None:
            from nixgen.attest.keyless import check_token

            check_token(
                os.environ,
                file=self.token_file,
                expected=expected,
                interactive=_is_terminal(),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerOptions:
    """Whose signature it is to be, as the command line says it."""

    key: KeyOption = None
    passphrase_file: PassphraseFileOption = None
    keyless: KeylessOption = False
    identity_token: TokenOption = None
    trust_config: TrustConfigOption = None
    renew: RenewOption = False

    @property
    def are_given(self) -> bool:
        """Whether there is any of them."""
        return self != SignerOptions()

    def signing(self, *, staging: bool = False) -> Signing:
        """The way that they name; raises UsageError, KeyFileError."""
        from nixgen.attest.trust import Trust

        if self.keyless == (self.key is not None):
            raise UsageError(
                "sign with one of --key and --keyless", hint="--key FILE.key, or --keyless"
            )
        if self.key is not None and (self.identity_token or self.trust_config or staging):
            raise UsageError("a token or an instance of Sigstore goes with --keyless")
        if self.key is not None and self.renew:
            raise UsageError("--renew goes with --keyless: a key's signature has no time")
        if staging and self.trust_config is not None:
            raise UsageError(
                "--staging and --trust-config name two instances", hint="leave one out"
            )
        return Signing(
            by_key=None if self.key is None else key_signer(self.key, self.passphrase_file),
            token_file=self.identity_token,
            trust=Trust(file=self.trust_config, instance="staging" if staging else "public"),
            renews=self.renew,
        )


@grouped
def sign(
    image: ImageArgument,
    staging: StagingOption = False,
    only_signature: Annotated[
        bool,
        typer.Option(
            "--only-signature", help="Sign an image that no build record of this machine tells of."
        ),
    ] = False,
    attach: AttachOption = None,
    builder_id: BuilderIdOption = None,
    bundles: BundlesOption = None,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
    *,
    signer: SignerOptions,
    given: PredicateOptions,
) -> None:
    """Sign an image, and attach the signatures to it.

    The index is signed, and the manifest of each platform. With --predicate, only what it says is.
    """
    with reporting_errors(as_json=as_json):
        from datetime import UTC, datetime

        from nixgen.pipeline.publish import RegistryAccess
        from nixgen.pipeline.signing import attest
        from nixgen.pipeline.signing import sign as sign_image
        from nixgen.pipeline.state import State

        access = RegistryAccess(environ=os.environ, plain_http=plain_http or None, ca_file=ca_file)
        if only_signature and attach:
            raise UsageError(
                "--only-signature is for images of which nothing is known to --attach",
                hint="leave one out",
            )
        said = given.said()
        if said is not None and (attach or only_signature or builder_id):
            raise UsageError(
                "--predicate is signed alone, without the image and what is known of it",
                hint="sign the image by a call of its own",
            )
        signing, now = signer.signing(staging=staging), datetime.now(UTC)
        if said is not None:
            signed = attest(
                image,
                signing.signer(),
                access,
                now=now,
                predicate_type=said.predicate_type,
                predicate=said.predicate,
                platform=said.platform,
                folder=bundles,
            )
        else:
            signed = sign_image(
                image,
                signing.signer(),
                access,
                now=now,
                records=None if only_signature else State.of_user(os.environ),
                describe=describer(attach, make_nix(store=store), builder_id) if attach else None,
                folder=bundles,
            )
        if as_json:
            print_json(signed.as_json())
        else:
            lines = [f"{signed.where}\n  digest    {signed.digest}\n  signed by {signed.signer}"]
            lines += [f"  manifest  {digest}" for digest in signed.subjects]
            lines += [f"  statement {kind}" for kind in signed.statement_types]
            lines += [] if signed.referrers else ["  nothing new: it was signed before"]
            print_result("\n".join(lines))


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def describer(
    wanted: Sequence[Statements], nix: Nix, builder_id: str | None
) -> Callable[[Any], Sequence[Statement]]:
    """Makes the statements that are wanted of a build record."""
    from nixgen.attest.provenance import LOCAL_BUILDER
    from nixgen.pipeline.state import State
    from nixgen.pipeline.statements import make_statements
    from nixgen.sources import make_supply

    builder = LOCAL_BUILDER if builder_id is None else check_builder_id(builder_id)
    return lambda record: make_statements(
        record,
        [each.value for each in wanted],
        nix,
        state=State.of_user(os.environ),
        supply=make_supply(os.environ),
        builder_id=builder,
    )
