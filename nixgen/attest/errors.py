"""What verifying can answer, as errors with exit codes of their own, and what is wrong with keys.

| code | meaning |
| --- | --- |
| 10 | not signed: nothing that vouches for the image was found |
| 11 | wrong signer: signed, by none of those it should be |
| 12 | bad: a signature does not fit, or what it says is malformed or about something else |
| 13 | policy: signed by whom it should be, and the policy says no |
| 14 | can't tell: what is needed to judge is not to be had |
"""

from __future__ import annotations

from nixgen.errors import NixgenError, UsageError

EXIT_NOT_SIGNED = 10
EXIT_WRONG_SIGNER = 11
EXIT_BAD = 12
EXIT_POLICY = 13
EXIT_CANT_TELL = 14


class VerifyError(NixgenError):
    """The image does not verify; see the subclasses for why."""

    kind = "unverified"
    exit_code = EXIT_CANT_TELL


class NotSignedError(VerifyError):
    """Nothing that vouches for the image was found."""

    kind = "not-signed"
    exit_code = EXIT_NOT_SIGNED


class WrongSignerError(VerifyError):
    """The image is signed, but by none of those it should be signed by."""

    kind = "wrong-signer"
    exit_code = EXIT_WRONG_SIGNER


class BadSignatureError(VerifyError):
    """A signature does not fit, or what it says is malformed or about something else."""

    kind = "bad-signature"
    exit_code = EXIT_BAD


class PolicyViolationError(VerifyError):
    """Signed by whom it should be, and the policy says no; `problems` holds every reason."""

    kind = "policy"
    exit_code = EXIT_POLICY


class CantTellError(VerifyError):
    """What is needed to judge is not to be had."""

    kind = "cant-tell"
    exit_code = EXIT_CANT_TELL


class KeyFileError(UsageError):
    """A file of a key is missing, malformed, of a kind not served, or its passphrase is wrong."""

    kind = "key"
