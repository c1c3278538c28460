#!@shell@
# Links without debug information, build id and unused sections: all of them could name the
# toolchain, and none is of use in an image.
case "${NIX_HOST_CONFIG-@config@}" in
  @config@) extra=${NIX_LDFLAGS-} ;;
  *) extra=${NIX_LDFLAGS_FOR_BUILD-} ;;
esac

strip="-s --gc-sections"
for argument; do
  case "$argument" in -r | --relocatable) strip= ;; esac
done

exec @zig@ ld.lld "$@" $extra $strip --build-id=none -z relro -z now
