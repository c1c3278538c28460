"""Sending a blob: not at all where it is there, by a mount, whole, or in chunks that resume."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, cast

from nixgen.digest import Digest
from nixgen.errors import MachineError, NetworkError, NixgenError
from nixgen.oci.verified import Verified
from nixgen.registry.body import FileBody
from nixgen.registry.client import Registry
from nixgen.registry.errors import UnreachableError
from nixgen.registry.pace import Tries
from nixgen.registry.uploadsession import LostError, UploadSession, may_go_on


class Sent(Enum):
    """How a blob came to be in the repository."""

    THERE = "there"
    MOUNTED = "mounted"
    UPLOADED = "uploaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob to send; `content` is its bytes, the file that holds them, or opens a stream."""

    digest: Digest
    size_bytes: int
    content: bytes | Path | Callable[[], Verified]


def send_blob(
    registry: Registry,
    blob: Blob,
    *,
    mount_from: Sequence[str] = (),
    moved: Callable[[int], None] = lambda _count: None,
) -> Sent:
    """Make the repository have a blob. `moved` is told of bytes as they go out.

    `mount_from` are repositories of the same registry that may have it. Raises NetworkError, and
    MachineError where the file can't be read or has another size, and what a stream raises.
    """
    if registry.has_blob(blob.digest, scope=registry.push_scope):
        return Sent.THERE
    session = UploadSession(registry, blob.digest, blob.size_bytes)
    for repository in mount_from:
        if repository != registry.reference.repository and session.mount(repository):
            return Sent.MOUNTED
    try:
        _Upload(registry, blob, session, moved).send()
    except NixgenError as error:
        if not isinstance(error, UnreachableError):
            session.cancel()
        raise
    return Sent.UPLOADED


class _Upload:
    def __init__(
        self,
        registry: Registry,
        blob: Blob,
        session: UploadSession,
        moved: Callable[[int], None],
    ) -> None:
        self._registry = registry
        self._transport = registry.transport
        self._blob = blob
        self._session = session
        self._moved = moved

    def send(self) -> None:
        """Send the blob, from the start again where a session is lost."""
        try:
            with self._open() as file:
                self._send_file(file)
        except OSError as error:
            place = error.filename or self._blob.digest
            raise MachineError(f"can't read {place}: {error.strerror}") from error

    def _open(self) -> BinaryIO:
        if isinstance(self._blob.content, bytes):
            return io.BytesIO(self._blob.content)
        if not isinstance(self._blob.content, Path):
            return cast(BinaryIO, self._blob.content())
        file = self._blob.content.open("rb")
        size_bytes = file.seek(0, 2)
        if size_bytes != self._blob.size_bytes:
            file.close()
            raise MachineError(
                f"{self._blob.content} has {size_bytes} bytes, not {self._blob.size_bytes}"
            )
        return file

    def _send_file(self, file: BinaryIO) -> None:
        tries = self._transport.tries()
        while True:
            try:
                self._session.begin()
                if self._blob.size_bytes <= self._session.chunk_bytes:
                    self._send_whole(file)
                else:
                    self._send_chunks(file)
            except LostError as lost:
                self._session.forget()
                if self._is_there():
                    return
                tries.failed(lost.error)
            else:
                return

    def _send_whole(self, file: BinaryIO) -> None:
        try:
            self._session.finish(self._part(file, 0, self._blob.size_bytes))
        except NetworkError as error:
            if not may_go_on(error):
                raise
            raise LostError(error) from error

    def _send_chunks(self, file: BinaryIO) -> None:
        """Send chunk after chunk, each from where the registry says it stands, and close."""
        tries, offset, furthest = self._transport.tries(), 0, 0
        while offset < self._blob.size_bytes:
            size_bytes = min(self._session.chunk_bytes, self._blob.size_bytes - offset)
            try:
                offset = self._session.patch(self._part(file, offset, size_bytes), offset)
            except NetworkError as error:
                self._wait(tries, error)
                offset = self._session.position(error)
            else:
                # why: a registry that forgets what it has taken must not keep this busy.
                if offset > furthest:
                    furthest = offset
                    tries.succeeded()
        self._close(tries)

    def _close(self, tries: Tries) -> None:
        """Close the session; where that breaks, find out how far it has got."""
        while True:
            try:
                self._session.finish(b"")
            except NetworkError as error:
                self._wait(tries, error)
                if self._is_there():
                    return
                if self._session.position(error) != self._blob.size_bytes:
                    raise LostError(error) from error
            else:
                return

    def _wait(self, tries: Tries, error: NetworkError) -> None:
        if not may_go_on(error):
            raise error
        tries.failed(error)

    def _is_there(self) -> bool:
        return self._registry.has_blob(self._blob.digest, scope=self._registry.push_scope)

    def _part(self, file: BinaryIO, offset: int, size_bytes: int) -> bytes | FileBody:
        if size_bytes == 0:
            # why: requests would send a file of no bytes in a form that registries don't take.
            return b""
        pace = self._transport.pace()
        return FileBody(file, offset, size_bytes, moved=self._tell, pace=pace)

    def _tell(self, count: int) -> None:
        self._transport.check_stopped()
        self._moved(count)
