#!@shell@
# Compiles for @clangTarget@; see linker.sh for what is added to a link.
#
# NIX_CFLAGS_COMPILE is for the machine that the derivation builds for. A build-machine compiler
# in a cross build takes NIX_CFLAGS_COMPILE_FOR_BUILD.
case "${NIX_HOST_CONFIG-@config@}" in
  @config@) extra=${NIX_CFLAGS_COMPILE-} ;;
  *) extra=${NIX_CFLAGS_COMPILE_FOR_BUILD-} ;;
esac

pie=-static-pie
extra_link=
for argument; do
  case "$argument" in
    -shared | -r | -static | -no-pie | -nopie) pie= ;;
  esac
done
[ -n "$pie" ] || extra_link=-static
for argument; do
  case "$argument" in -shared | -r) extra_link= ;; esac
done

if [ "@language@" = c++ ]; then
  mode=--driver-mode=g++
  headers="-nostdinc++ -isystem @libcxx@/include/libcxx -isystem @libcxx@/include/libcxxabi \
    -isystem @libcxx@/include/libunwind @cxxFlags@ \
    --start-no-unused-arguments -stdlib=libc++ -unwindlib=libunwind -L@libcxx@/lib \
    --end-no-unused-arguments"
else
  mode=
  headers="--start-no-unused-arguments -unwindlib=none --end-no-unused-arguments"
fi

exec @zig@ clang $mode --target=@clangTarget@ @clangFlags@ --sysroot=@sysroot@ \
  -resource-dir=@sysroot@/resource \
  --start-no-unused-arguments -rtlib=compiler-rt --ld-path=@linker@ $pie $extra_link \
  --end-no-unused-arguments \
  -ffunction-sections -fdata-sections -fstack-protector-strong \
  "-ffile-prefix-map=${NIX_BUILD_TOP:-/build}=/build" \
  "-fmacro-prefix-map=@sysroot@=/sysroot" \
  $headers "$@" $extra -g0
