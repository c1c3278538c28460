"""Other ways to build an app of C that may make its image smaller: other libraries, or static."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from nixgen.closure.alternatives import Alternative, Described, smaller_names

_LIBC = "glibc.static"
_STATIC = "-static"
_SMALL = "-Os"
_GROUPED = ("-ffunction-sections", "-fdata-sections")
_UNUSED_GO = "-Wl,--gc-sections"


def library_names(libs: Sequence[str]) -> tuple[str, ...]:
    """What a set might have for use in place of these libraries, or with them, each once."""
    names = [other for name in libs for other in (*smaller_names(name), f"{name}.static")]
    return tuple(name for name in dict.fromkeys((*names, _LIBC)) if name not in libs)


def propose_libraries(now: Described, there: Collection[str]) -> Iterator[Alternative]:
    """Smaller libraries of the set, and static ones, which leave nothing of themselves behind.

    `there` are those of `library_names` that the set has. By nixpkgs' convention a package's
    archives are in its output `static`; whoever links looks in the first that is named.
    """
    for name in now.libs:
        for other in smaller_names(name):
            if other in there:
                yield Alternative(
                    name=f"lib-{name}={other}",
                    doc=f"built with the smaller {other} in place of {name}",
                    libs={name: (other,)},
                )
        static = f"{name}.static"
        if static in there and _STATIC not in now.ldflags:
            yield Alternative(
                name=f"lib-{name}={static}",
                doc=f"{name} linked statically",
                libs={name: (static, name)},
            )


def propose_static(now: Described, there: Collection[str]) -> Iterator[Alternative]:
    """The whole app linked statically, where the set has its C library as an archive."""
    if _LIBC in there and _STATIC not in now.ldflags:
        statics = {name: f"{name}.static" for name in now.libs}
        yield Alternative(
            name="static-app",
            doc="the app linked statically, its C library included",
            libs={
                **{name: (other, name) for name, other in statics.items() if other in there},
                "": (_LIBC,),
            },
            ldflags=(_STATIC,),
        )


def propose_small_code(now: Described, *, replaces_flags: bool) -> Iterator[Alternative]:
    """The app compiled for size, without functions that nothing calls.

    With `replaces_flags`, flags that are given take the place of others that are not known (those
    of a Makefile): then it is proposed only where some are given.
    """
    given = now.cflags and now.ldflags
    if any(flag in now.cflags for flag in (_SMALL, "-Oz")) or (replaces_flags and not given):
        return
    yield Alternative(
        name="small-code",
        doc="the app compiled for size, without functions that nothing calls",
        cflags=(_SMALL, *_GROUPED),
        ldflags=(_UNUSED_GO,),
    )
