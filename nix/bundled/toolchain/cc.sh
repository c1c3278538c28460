# Fills $out/bin with the wrappers of one target.
set -eu
mkdir -p "$out/bin" "$out/libexec"

cxxFlags=
[ -z "$libcxx" ] || cxxFlags=$(tr '\n' ' ' < "$libcxx/nix-support/cxx-flags")

# fill FILE TEMPLATE LANGUAGE
fill() {
  sed -e "s|@shell@|$shell|g" -e "s|@zig@|$zig/zig|g" -e "s|@sysroot@|$sysroot|g" \
    -e "s|@clangTarget@|$clangTarget|g" -e "s|@clangFlags@|$clangFlags|g" \
    -e "s|@config@|$config|g" -e "s|@linker@|$out/libexec/ld|g" -e "s|@language@|$3|g" \
    -e "s|@libcxx@|$libcxx|g" -e "s|@cxxFlags@|$cxxFlags|g" "$2" > "$1"
  chmod 755 "$1"
}

# subcommand NAME: a program that is one of zig's own
subcommand() {
  printf '#!%s\nexec %s/zig %s "$@"\n' "$shell" "$zig" "$1" > "$out/bin/$targetPrefix$1"
  chmod 755 "$out/bin/$targetPrefix$1"
}

fill "$out/libexec/ld" "$linker" ""
fill "$out/bin/${targetPrefix}cc" "$driver" c
for name in gcc clang; do ln -s "${targetPrefix}cc" "$out/bin/$targetPrefix$name"; done
if [ -n "$libcxx" ]; then
  fill "$out/bin/${targetPrefix}c++" "$driver" c++
  for name in g++ clang++; do ln -s "${targetPrefix}c++" "$out/bin/$targetPrefix$name"; done
fi
ln -s ../libexec/ld "$out/bin/${targetPrefix}ld"
for name in ar ranlib objcopy; do subcommand "$name"; done
# The linker strips all it writes, so there is nothing left to do.
printf '#!%s\nexit 0\n' "$shell" > "$out/bin/${targetPrefix}strip"
chmod 755 "$out/bin/${targetPrefix}strip"
