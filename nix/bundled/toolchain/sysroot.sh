# Has zig build musl and compiler-rt for $zigTarget, and keeps them as plain files.
#
# why: zig's cache itself records inodes and times, so it differs from build to build.
# The files in it do not.
set -eu
export HOME="$NIX_BUILD_TOP"
export ZIG_GLOBAL_CACHE_DIR="$NIX_BUILD_TOP/cache"
export ZIG_LOCAL_CACHE_DIR="$ZIG_GLOBAL_CACHE_DIR"
cd "$NIX_BUILD_TOP"

compile_libc() {
  echo 'int main(void) { return 0; }' > hello.c
  # -fPIE: the same libc.a serves static-pie and position-dependent programs.
  "$zig/zig" cc -target "$zigTarget" ${zigCpu:+"-mcpu=$zigCpu"} -g0 -s -static -fPIE -pie \
    hello.c -o hello > log 2>&1 || { cat log; exit 1; }
}

# The one file of that name in zig's cache.
built() {
  found=$(find "$ZIG_GLOBAL_CACHE_DIR/o" -name "$1")
  case "$found" in
    "" | *"
"*) echo "sysroot: expected one $1 in zig's cache, found: ${found:-none}" >&2; exit 1 ;;
  esac
  echo "$found"
}

install_headers() {
  mkdir -p "$out/include"
  # Least specific first, so that the more specific ones replace it.
  reversed=
  for folder in $headers; do reversed="$folder $reversed"; done
  for folder in $reversed; do
    cp -R "$zig/lib/libc/include/$folder/." "$out/include/"
    chmod -R u+w "$out/include"
  done
}

install_libraries() {
  mkdir -p "$out/lib" "$out/resource/lib/$config"
  # zig has moved some functions of libc out of musl and into a library of its own.
  zigc=$(built libzigc.a)
  libc=$(built libc.a)
  "$zig/zig" ar qcL "$out/lib/libc.a" "$libc" "$zigc"
  "$zig/zig" ranlib "$out/lib/libc.a"
  # musl keeps these in libc; programs still ask for them by name.
  for name in m pthread rt dl util crypt resolv xnet; do
    "$zig/zig" ar rc "$out/lib/lib$name.a"
  done
  cp "$(built libcompiler_rt.a)" "$out/resource/lib/$config/libclang_rt.builtins.a"
  ln -s "$zig/lib/include" "$out/resource/include"
}

# Start files. musl's libc.a runs constructors itself, so those at the two ends are empty;
# clang wants them to be there, and one to define __dso_handle, which C++ refers to.
install_start_files() {
  musl="$zig/lib/libc/musl"
  arch=${zigTarget%%-*}
  clang() {
    "$zig/zig" clang --target="$clangTarget" $clangFlags -Os -g0 -ffreestanding -nostdlibinc \
      -I "$musl/arch/$arch" -I "$musl/arch/generic" -I "$musl/src/include" -I "$musl/src/internal" \
      -I "$out/include" "$@"
  }
  clang -fno-pie -c "$musl/crt/crt1.c" -o "$out/lib/crt1.o"
  clang -fPIC -c "$musl/crt/Scrt1.c" -o "$out/lib/Scrt1.o"
  # why no protector: rcrt1 relocates the program itself, before there is a stack guard to read.
  clang -fPIC -fno-stack-protector -c "$musl/crt/rcrt1.c" -o "$out/lib/rcrt1.o"
  : > empty.c
  echo 'void *__dso_handle __attribute__((visibility("hidden"))) = 0;' > handle.c
  for name in crti crtn; do clang -c empty.c -o "$out/lib/$name.o"; done
  clang -fPIC -c handle.c -o "$out/resource/lib/$config/clang_rt.crtbegin.o"
  clang -c empty.c -o "$out/resource/lib/$config/clang_rt.crtend.o"
}

compile_libc
install_headers
install_libraries
install_start_files
