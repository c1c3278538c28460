"""What an admission policy lets in, nixgen verifies: both hold the same statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nixgen.attest.certificates import Identity
from nixgen.attest.errors import VerifyError
from nixgen.attest.judging import Signatory
from nixgen.attest.keys import PublicKey, generate, load_public
from nixgen.attest.policy import Condition, Demanded, Policy
from nixgen.attest.signing import SIGNATURE_TYPE
from nixgen.attest.statement import Subject, make_statement
from nixgen.attest.verify import Findings, Vouched
from nixgen.errors import UsageError
from nixgen.platforms import Platform
from tests.fakes.kyverno import Kyverno, Signed
from tests.unit.attest.admissions import GITHUB, IMAGE, RELEASE, TOP, emit, identity

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SLSA, SPDX = "https://slsa.dev/provenance/v1", "https://spdx.dev/Document"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[PublicKey]:
    folder = tmp_path_factory.mktemp("keys")
    return [load_public(generate(folder / name, None).public_path) for name in ("a", "b")]


# What nixgen makes of the same statements.

KINDS = (SIGNATURE_TYPE, SLSA, SPDX, "https://example.org/audit/v1")
WHO = (RELEASE, "https://github.com/team/shop/other", "https://github.com/team/shop/ärger")
_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    ["PASSED", "FAILED", "3", True, False, 0, 1, 3, 3.5, -1, None, [], {}]
)
_PREDICATES = st.one_of(
    st.fixed_dictionaries({}, optional={"result": _VALUES, "n-1": _VALUES}),
    st.builds(
        lambda who: {"runDetails": {"builder": {"id": who}}}, st.sampled_from(["one", "two", 1])
    ),
    st.builds(lambda value: {"deep": {"result": value}}, _VALUES),
    st.just({"runDetails": [], "deep": "result"}),
)
_TESTS = st.one_of(
    st.tuples(st.just("equals"), st.sampled_from(["PASSED", "3", True, 1, 0, 3.5])),
    st.tuples(st.just("one-of"), st.lists(st.sampled_from(["PASSED", True, 3]), min_size=1)),
    st.tuples(st.just("matches"), st.sampled_from(["P.*", "PASS|FAILED", r"\d", ""])),
    st.tuples(st.sampled_from(["at-least", "at-most"]), st.sampled_from([0, 3, 3.5])),
)
_CONDITIONS = st.builds(
    lambda path, test: Condition(path=path, test=test[0], value=test[1]),
    st.sampled_from([("result",), ("n-1",), ("deep", "result"), ("deep", "result", "x")]),
    _TESTS,
)
_POLICIES = st.fixed_dictionaries(
    {
        "signers": st.integers(1, 2),
        "sbom": st.booleans(),
        "builders": st.sampled_from([(), ("one",), ("one", "two")]),
        "predicates": st.lists(
            st.builds(
                lambda kind, where: Demanded(predicate_type=kind, where=tuple(where)),
                st.sampled_from(KINDS[1:]),
                st.lists(_CONDITIONS, max_size=2),
            ),
            max_size=2,
        ).map(tuple),
    }
)
_NAMED = st.lists(
    st.sampled_from(
        [
            identity(),
            identity(r"https://github\.com/team/shop/\w+", pattern=True),
            identity(r"https://github\.com/team/shop/[^/]*", pattern=True),
            0,
            1,
        ]
    ),
    min_size=1,
    max_size=3,
)
_STATEMENTS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        _PREDICATES,
        st.one_of(st.integers(0, 1), st.tuples(st.sampled_from(WHO), st.just(GITHUB))),
    ),
    max_size=6,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(named=_NAMED, policy=_POLICIES, statements=_STATEMENTS)
def test_it_admits_nothing_that_nixgen_does_not_verify(
    keys: list[PublicKey], named: list[Any], policy: dict[str, Any], statements: list[Any]
) -> None:
    chosen = [keys[each] if isinstance(each, int) else each for each in named]
    try:
        cluster = Kyverno(policy=emit(*chosen, **policy))
    except UsageError:
        return
    signed = [_signed(keys, *each) for each in statements]
    admitted = cluster.admits(IMAGE, signed)
    verified = _verifies(chosen, Policy(**policy), keys, statements)
    assert verified or not admitted
    kinds = [each.kind for each in signed if each.kind != SIGNATURE_TYPE]
    # Of several statements of one type Kyverno looks into one; \w is wider in Python.
    if len(kinds) == len(set(kinds)) and not any(WHO[2] == each.identity for each in signed):
        assert admitted == verified


def _signed(keys: Sequence[PublicKey], kind: str, predicate: Any, who: Any) -> Signed:
    if isinstance(who, int):
        cosign = emit(keys[who])["spec"]["attestors"][0]["cosign"]
        return Signed(kind=kind, predicate=predicate, key=cosign["key"]["data"])
    return Signed(kind=kind, predicate=predicate, identity=who[0], issuer=who[1])


def _verifies(
    named: Sequence[PublicKey | Identity],
    policy: Policy,
    keys: Sequence[PublicKey],
    statements: Sequence[Any],
) -> bool:
    vouched = []
    for kind, predicate, who in statements:
        entry = _entry(named, keys, who)
        if entry is not None:
            statement = make_statement([Subject(name="", digest=TOP)], kind, predicate)
            signer = Signatory(entry=entry)
            vouched.append(Vouched(statement=statement, signer=signer, referrer=TOP))
    found = Findings(
        where="app",
        top=TOP,
        platforms=((Platform.parse("linux/amd64"), TOP),),
        vouched=tuple(vouched),
        rejected=(),
    )
    try:
        policy.demand(found, NOW)
    except VerifyError:
        return False
    return True


def _entry(
    named: Sequence[PublicKey | Identity], keys: Sequence[PublicKey], who: Any
) -> str | None:
    """Whom of those named a statement is counted for."""
    for each in named:
        if isinstance(each, PublicKey):
            if isinstance(who, int) and keys[who] == each:
                return each.fingerprint
        elif (
            not isinstance(who, int)
            and each.identity.matches(who[0])
            and each.issuer.matches(who[1])
        ):
            return str(each)
    return None
