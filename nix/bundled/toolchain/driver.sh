#!@shell@
# Compiles for @clangTarget@; see linker.sh for what is added to a link.
#
# NIX_CFLAGS_COMPILE is for the machine that the derivation builds for. A build-machine compiler
# in a cross build takes NIX_CFLAGS_COMPILE_FOR_BUILD.
case "${NIX_HOST_CONFIG-@config@}" in
  @config@) extra=${NIX_CFLAGS_COMPILE-} ;;
  *) extra=${NIX_CFLAGS_COMPILE_FOR_BUILD-} ;;
esac

# Programs are static and, unless they say otherwise, position-independent: `-static` says nothing new.
link=-static-pie
for argument; do
  case "$argument" in
    -shared | -r) link=; break ;;
    -no-pie | -nopie | -fno-pie | -fno-PIE | -fno-pic | -fno-PIC) link=-static ;;
  esac
done

if [ "@language@" = c++ ]; then
  language="--driver-mode=g++ -nostdinc++ -stdlib=libc++ -unwindlib=libunwind -L@libcxx@/lib \
    -isystem @libcxx@/include/libcxx -isystem @libcxx@/include/libcxxabi \
    -isystem @libcxx@/include/libunwind @cxxFlags@"
else
  language=-unwindlib=none
fi

# -Qunused-arguments: most of these are for one of compiling and linking.
# -g0 comes last: debug information would name the headers' folders.
exec @zig@ clang --target=@clangTarget@ @clangFlags@ --sysroot=@sysroot@ \
  -resource-dir=@sysroot@/resource -rtlib=compiler-rt --ld-path=@linker@ -Qunused-arguments $link \
  -ffunction-sections -fdata-sections -fstack-protector-strong \
  "-ffile-prefix-map=${NIX_BUILD_TOP:-/build}=/build" "-fmacro-prefix-map=@sysroot@=/sysroot" \
  $language "$@" $extra -g0
