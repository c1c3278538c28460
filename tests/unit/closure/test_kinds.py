"""What files are for."""

from __future__ import annotations

import pytest

from nixgen.closure.kinds import FileKind, kind_of


@pytest.mark.parametrize(
    ("name", "magic", "kind"),
    [
        ("bin/tool", b"\x7fELF", FileKind.CODE),
        ("bin/tool", b"", FileKind.CODE),
        ("lib/libz.so.1.3", b"\x7fELF", FileKind.CODE),
        ("lib/plugin", b"\x7fELF", FileKind.CODE),
        ("share/tool/run", b"#!/b", FileKind.CODE),
        ("lib/python3.13/json/__init__.py", b"imp", FileKind.CODE),
        ("lib/python3.13/json/__pycache__/a.cpython-313.pyc", b"\xf3", FileKind.BYTE_CODE),
        ("share/man/man1/tool.1.gz", b"\x1f\x8b", FileKind.DOCS),
        ("share/doc/tool/example.sh", b"#!/b", FileKind.DOCS),
        ("share/doc/tool/header.h", b"", FileKind.DOCS),
        ("share/info/dir", b"", FileKind.DOCS),
        ("include/zlib.h", b"/* z", FileKind.HEADERS),
        ("include/c++/v1/vector", b"// -", FileKind.HEADERS),
        ("lib/libz.a", b"!<ar", FileKind.STATIC_LIBRARIES),
        ("lib/crt1.o", b"\x7fELF", FileKind.STATIC_LIBRARIES),
        ("lib/libz.la", b"# li", FileKind.BUILD_FILES),
        ("lib/pkgconfig/zlib.pc", b"pref", FileKind.BUILD_FILES),
        ("nix-support/propagated-build-inputs", b"/nix", FileKind.BUILD_FILES),
        ("share/locale/de/LC_MESSAGES/tool.mo", b"", FileKind.LOCALES),
        ("lib/locale/locale-archive", b"", FileKind.LOCALES),
        ("lib/debug/.build-id/aa/bb.debug", b"\x7fELF", FileKind.DEBUG),
        ("bin/tool.debug", b"\x7fELF", FileKind.DEBUG),
        ("etc/ssl/certs/ca-bundle.crt", b"----", FileKind.DATA),
        ("share/site/manual/index.html", b"<!DO", FileKind.DATA),
        ("odd\nname.pyc", b"", FileKind.BYTE_CODE),
        ("", b"", FileKind.DATA),
        ("", b"#!/b", FileKind.CODE),
    ],
)
def test_kind(name: str, magic: bytes, kind: FileKind) -> None:
    assert kind_of(name, magic) == kind
