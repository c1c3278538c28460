# Makes the tools once more, in a folder of its own, and holds what bootstrap.c made of BusyBox's sources against what
# BusyBox's own scripts and Kconfig make of them.

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# --- the same tools from another folder
mkdir -p elsewhere/deep
cd elsewhere/deep
"$zig/zig" $bootstrapArguments # words without spaces
cmp "$out/bin/busybox" "$bootstrapTools/bin/busybox" || fail "made in another folder, the tools differ"
made=$PWD/include

# --- the list of applets
cp -r "$busyboxTree/busybox" tree
chmod -R u+w tree
cd tree
sh scripts/gen_build_files.sh . . >/dev/null
sed 1d include/applets.h | sort >applets.expected
sort "$made/applets.h" >applets.made
diff -u applets.expected applets.made || fail "applets.h is not what BusyBox makes"

# --- the configuration: Kconfig, told ours and `no` to all else, leaves on what ours has, no more and no less
for parser in scripts/kconfig/*.c_shipped; do
  cp "$parser" "${parser%_shipped}"
done
(cd scripts/kconfig && "$zig/zig" cc -target "$target" -static -Os -s -w -o ../../conf conf.c zconf.tab.c)
sed 's/#.*//' "$source/busybox.config" | tr -s ' ' '\n' | sed -n 's/^[A-Z].*/CONFIG_&/p' | sed '/=/!s/$/=y/' | sort >ours
sed -n 's/^#define ENABLE_\(.*\) 0$/# CONFIG_\1 is not set/p' "$made/autoconf.h" | cat ours - >.config
yes '' | ./conf -o Config.in >conf.log || fail "Kconfig: $(tail -n 5 conf.log)"
grep '=y$' ours >on.ours
grep '=y$' .config | sort >on.kconfig
diff -u on.kconfig on.ours || fail "busybox.config (+) turns on other symbols than Kconfig does (-)"
# The one value that is read while the feature that it belongs to is off.
grep -v -e '=y$' -e '^CONFIG_FEATURE_EDITING_MAX_LEN=' ours | while read -r line; do
  grep -qxF "$line" .config || fail "Kconfig does not know $line"
done
