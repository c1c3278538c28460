"""`nixgen verify`, and whose word counts after the options that it shares with `pull`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nixgen.cli.described import described_signer
from nixgen.cli.groups import grouped
from nixgen.cli.options import (
    CaFileOption,
    JsonOption,
    PlainHttpOption,
    ProfileOption,
)
from nixgen.cli.output import print_json, print_result, reporting_errors
from nixgen.cli.signing import BundlesOption, ImageArgument, StagingOption
from nixgen.errors import UsageError

if TYPE_CHECKING:
    from nixgen.attest.certificates import Identity, Wanted
    from nixgen.attest.judging import Judge
    from nixgen.attest.keys import PublicKey
    from nixgen.attest.policy import Policy
    from nixgen.attest.trust import Trust
    from nixgen.pipeline.verifying import Demand, Verified

KeysOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--key", metavar="FILE.pub", help="A key that may have signed it; may be repeated."
    ),
]
IdentityOption = Annotated[
    str | None,
    typer.Option("--identity", metavar="TEXT", help="Who may have signed it keylessly, exactly."),
]
IdentityPatternOption = Annotated[
    str | None,
    typer.Option(
        "--identity-pattern",
        metavar="REGEX",
        help="The same as a regular expression, for all of it.",
    ),
]
IssuerOption = Annotated[
    str | None,
    typer.Option("--issuer", metavar="URL", help="Who has to vouch for that identity, exactly."),
]
IssuerPatternOption = Annotated[
    str | None,
    typer.Option("--issuer-pattern", metavar="REGEX", help="The same as a regular expression."),
]
TrustedRootOption = Annotated[
    Path | None,
    typer.Option(
        "--trusted-root",
        metavar="FILE",
        help="Verify keyless signatures by this trusted root, without a network.",
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy", metavar="FILE.toml", help="Demands beyond a signature, and whose word counts."
    ),
]


AppOption = Annotated[
    Path | None,
    typer.Option(
        "--app",
        metavar="APP.TOML",
        help="Whom [sign] of this description names, with the public key beside the private.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Those whose word counts, and the demands of a policy."""

    keys: Sequence[PublicKey]
    identities: Sequence[Identity]
    rules: Policy

    @property
    def count(self) -> int:
        """How many they are, each counted once."""
        return len({key.der for key in self.keys}) + len(set(map(str, self.identities)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Whose word counts, and what is demanded."""

    judge: Judge
    demand: Demand


@dataclass(frozen=True, slots=True, kw_only=True)
class WordOptions:
    """Whose word counts, as the command line says it."""

    key: KeysOption = None
    identity: IdentityOption = None
    identity_pattern: IdentityPatternOption = None
    issuer: IssuerOption = None
    issuer_pattern: IssuerPatternOption = None
    trusted_root: TrustedRootOption = None
    policy: PolicyOption = None
    app: AppOption = None
    profile: ProfileOption = None

    @property
    def are_given(self) -> bool:
        """Whether there is any of them."""
        return self != WordOptions()

    def words(self) -> Words:
        """Those who are named by them, by a description and by the policy, and that policy.

        Raises UsageError with every mistake of a policy or where nobody is named,
        DescriptionError, KeyFileError.
        """
        from nixgen.attest.keys import load_public

        rules = _policy(self.policy)
        if self.app is None and self.profile is not None:
            raise UsageError("--profile is one of a description", hint="name it: --app app.toml")
        described = described_signer(self.app, self.profile) if self.app is not None else None
        named = _identities(
            _one("identity", self.identity, self.identity_pattern),
            _one("issuer", self.issuer, self.issuer_pattern),
        )
        keys, identities = [*(self.key or ()), *rules.keys], [*named, *rules.identities]
        if isinstance(described, Path):
            keys.append(described)
        elif described is not None:
            identities.append(described)
        if not keys and not identities:
            raise UsageError(
                "whose signature is wanted?",
                hint="--key FILE.pub, --identity and --issuer, or --app app.toml",
            )
        words = Words(keys=[load_public(path) for path in keys], identities=identities, rules=rules)
        if rules.signers > words.count:
            raise UsageError(
                f"{self.policy} demands {rules.signers} signers, of whom {words.count} are named",
                hint="name the others too; one that is named twice counts once",
            )
        return words

    def wish(self, *, staging: bool = False) -> Wish:
        """What they add up to; raises what `words` raises."""
        from datetime import UTC, datetime

        words = self.words()
        judge = _make_judge(words, self.trust(staging=staging))
        now = datetime.now(UTC)
        return Wish(judge=judge, demand=lambda findings: words.rules.demand(findings, now))

    def trust(self, *, staging: bool = False) -> Trust:
        """Whom certificates are trusted by; raises UsageError."""
        from nixgen.attest.trust import Trust

        if staging and self.trusted_root is not None:
            raise UsageError(
                "--staging and --trusted-root name two instances", hint="leave one out"
            )
        return Trust(file=self.trusted_root, instance="staging" if staging else "public")


@grouped
def verify(
    image: ImageArgument,
    staging: StagingOption = False,
    bundles: BundlesOption = None,
    resolve: Annotated[
        bool,
        typer.Option("--resolve", help="Print only the reference, pinned to what was verified."),
    ] = False,
    emit_policy: Annotated[
        bool,
        typer.Option(
            "--emit-policy",
            help="Print an admission policy that demands the same in Kubernetes; verify nothing.",
        ),
    ] = False,
    plain_http: PlainHttpOption = False,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
    *,
    word: WordOptions,
) -> None:
    """Verify that an image is what was signed by whom it should be.

    Exit codes: 10 not signed; 11 signed by somebody else; 12 a signature or the content is bad;
    13 the policy says no; 14 what is needed to tell is not to be had.
    """
    with reporting_errors(as_json=as_json):
        from nixgen.pipeline.publish import RegistryAccess
        from nixgen.pipeline.verifying import verify as verify_image

        if emit_policy:
            unused = {
                "--resolve": resolve,
                "--bundles": bundles is not None,
                "--plain-http": plain_http,
                "--ca-file": ca_file is not None,
                "--staging": staging,
            }
            from nixgen.cli.admission import print_admission_policy

            print_admission_policy(image, word, unused, as_json=as_json)
            return
        if as_json and resolve:
            raise UsageError("--json and --resolve are two forms of result", hint="leave one out")
        wish = word.wish(staging=staging)
        access = RegistryAccess(environ=os.environ, plain_http=plain_http or None, ca_file=ca_file)
        verified = verify_image(image, wish.judge, access, demand=wish.demand, folder=bundles)
        if as_json:
            print_json(verified.as_json())
        elif resolve:
            print_result(verified.pinned)
        else:
            print_result(format_verified(verified))


def _make_judge(words: Words, trust: Trust) -> Judge:
    from nixgen.attest.certificates import CertificateJudge
    from nixgen.attest.judging import Judges, KeyJudge

    return Judges(
        keys=KeyJudge(keys=words.keys) if words.keys else None,
        certificates=CertificateJudge(trust, words.identities) if words.identities else None,
    )


def _policy(path: Path | None) -> Policy:
    from nixgen.attest.policy import Policy
    from nixgen.attest.policyfile import read_policy

    return Policy() if path is None else read_policy(path)


def _identities(identity: Wanted | None, issuer: Wanted | None) -> list[Identity]:
    from nixgen.attest.certificates import Identity

    if identity is None and issuer is None:
        return []
    if identity is None or issuer is None:
        raise UsageError(
            "an identity is nothing without the issuer that vouches for it",
            hint="name both: --identity and --issuer",
        )
    return [Identity(identity=identity, issuer=issuer)]


def _one(name: str, exact: str | None, pattern: str | None) -> Wanted | None:
    from nixgen.attest.certificates import Wanted

    if exact is not None and pattern is not None:
        raise UsageError(f"--{name} and --{name}-pattern say the same thing", hint="leave one out")
    if "" in (exact, pattern):
        # why: what a variable of CI that is not set leaves behind.
        option = name if exact == "" else f"{name}-pattern"
        raise UsageError(f"--{option} is empty, which matches nobody")
    if exact is not None:
        return Wanted(text=exact)
    return None if pattern is None else Wanted(text=pattern, pattern=True)


def format_verified(verified: Verified) -> str:
    """The verdict for people."""
    findings = verified.findings
    lines = [f"verified {verified.pinned}", f"  digest    {findings.top}"]
    lines += [f"  signed by {each.signer}" for each in findings.signatures]
    lines += [f"  {platform!s:<9} {digest}" for platform, digest in findings.platforms]
    kinds = [f"  statement {each['predicate_type']}" for each in findings.as_json()["statements"]]
    if findings.rejected:
        kinds.append(f"  {len(findings.rejected)} attached bundles do not count")
    return "\n".join([*lines, *dict.fromkeys(kinds)])
