# Has zig build its C++ libraries for $zigTarget, and keeps them as plain files beside the
# macros that its headers expect on the command line (nix-support/cxx-flags).
set -eu
export HOME="$NIX_BUILD_TOP"
export ZIG_GLOBAL_CACHE_DIR="$NIX_BUILD_TOP/cache"
export ZIG_LOCAL_CACHE_DIR="$ZIG_GLOBAL_CACHE_DIR"
cd "$NIX_BUILD_TOP"

cat > hello.cc <<'X'
#include <stdexcept>
int main() { try { throw std::runtime_error("x"); } catch (const std::exception &) { return 0; } }
X
"$zig/zig" c++ -target "$zigTarget" ${zigCpu:+"-mcpu=$zigCpu"} -g0 -s -static -fPIE -pie \
  hello.cc -o hello --verbose > log 2>&1 || { cat log; exit 1; }

mkdir -p "$out/lib" "$out/nix-support"
for name in libc++ libc++abi libunwind; do
  found=$(find "$ZIG_GLOBAL_CACHE_DIR/o" -name "$name.a")
  [ -f "$found" ] || { echo "libcxx: expected one $name.a in zig's cache" >&2; exit 1; }
  cp "$found" "$out/lib/"
done
# A program asks for libc++ alone; the linker reads this file as a script.
mv "$out/lib/libc++.a" "$out/lib/libc++impl.a"
echo 'GROUP ( -lc++impl -lc++abi )' > "$out/lib/libc++.a"

mkdir -p "$out/include"
cp -R "$zig/lib/libcxx/include" "$out/include/libcxx"
cp -R "$zig/lib/libcxxabi/include" "$out/include/libcxxabi"
cp -R "$zig/lib/libunwind/include" "$out/include/libunwind"

# zig gives the configuration of libc++ as macros: those of the compilation of hello.cc.
grep -e '-main-file-name hello.cc' log | head -n 1 | tr ' ' '\n' \
  | grep -e '^_LIBCPP_' -e '^_LIBCXXABI_' | sed 's/^/-D/' > "$out/nix-support/cxx-flags"
grep -q '_LIBCPP_ABI_VERSION' "$out/nix-support/cxx-flags" || {
  echo "libcxx: zig's compiler command has no _LIBCPP_ABI_VERSION" >&2
  exit 1
}
