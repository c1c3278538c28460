# Runs under the bootstrap shell with nothing else in PATH.

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# is WHAT EXPECTED ACTUAL
is() {
  [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

[ ! -e /bin/sh ] || echo "note: this sandbox has a /bin/sh; the tests below can not tell that it is not needed"

# --- the shell
is "arithmetic" 10 "$(((1 << 3) + 2))"
is "parameter expansion" "lib.so x.c d" "$(p=/a/lib.so.1 && printf '%s %s %s' "$(basename ${p%.1})" "${p:+x.c}" "${unset:-d}")"
is "pattern removal" "c:a/b" "$(v=a/b/c && echo "${v##*/}:${v%/*}")"
is "here-document" "1 \$x" "$(x=1 && cat <<EOF
$x \$x
EOF
)"
is "functions and local" "in out" "$(v=out; f() { local v=in; printf '%s ' $v; }; f; echo $v)"
is "status of a pipe" 3 "$(true | (exit 3) && echo 0 || echo $?)"
is "trap on exit" "bye" "$(sh -c 'trap "echo bye" EXIT; exit 0')"
is "redirections" "err" "$(sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)"
is "globs in order" "a b c" "$(mkdir globs && cd globs && touch c a b && echo *)"
is "case" "yes" "$(case conf.h.in in *.h.in) echo yes ;; *) echo no ;; esac)"
is "read keeps backslashes" 'a\b c' "$(printf 'a\\b c\n' | while IFS= read -r line; do echo "$line"; done)"
is "background and wait" 7 "$( (exit 7) & wait $! || echo $?)"
is "test" "ok" "$([ -n x ] && [ ! -e nowhere ] && test 2 -gt 1 && [ -x "$bootstrapTools/bin/sed" ] && echo ok)"

# A program in PATH wins over an applet of the same name, whether the shell or another program starts it.
mkdir early
printf '#!%s/bin/sh\necho mine\n' "$bootstrapTools" >early/sed
chmod +x early/sed
is "PATH decides in the shell" "mine" "$(PATH=$PWD/early:$PATH sed)"
is "PATH decides in xargs" "mine" "$(echo x | PATH=$PWD/early:$PATH xargs sed)"
for tool in ar cc ld nm ranlib strip strings make; do
  if command -v $tool >/dev/null; then fail "$tool is an applet and would hide the toolchain's"; fi
done

# --- awk, with a shell in the sandbox or without
is "awk fields" "b d" "$(printf 'a b\nc d\n' | awk '{ printf "%s%s", s, $2; s = " " }')"
is "awk functions" "X 3 bc" "$(awk 'BEGIN { print toupper("x"), length("abc"), substr("abc", 2) }')"
is "awk regular expressions" "v1.2" "$(echo 'name-v1.2.tar' | awk 'match($0, /v[0-9]+\.[0-9]+/) { print substr($0, RSTART, RLENGTH) }')"
is "awk system" "from sh 3" "$(awk 'BEGIN { system("printf \"from $0 \""); print system("exit 3") }')"
is "awk reads a command" "a.b" "$(awk 'BEGIN { "echo a; echo b" | getline x; "echo a; echo b" | getline y; print x "." y }')"
is "awk writes to a command" "a b 0" "$(awk 'BEGIN { c = "sort | tr \"\\n\" \" \""; print "b" | c; print "a" | c; print close(c) }')"
is "awk closes with the status" 5 "$(awk 'BEGIN { "exit 5" | getline; s = close("exit 5"); print (s > 255 ? s / 256 : s) }')"

# --- sed and grep
is "sed groups" "a[b]c" "$(echo abc | sed -e 's/\(b\)/[\1]/')"
is "sed extended" "x-1" "$(echo x1 | sed -E 's/([a-z])([0-9])/\1-\2/')"
is "sed hold space" "2 1" "$(printf '1\n2\n' | sed -n '1!G;h;$p' | tr '\n' ' ' | sed 's/ $//')"
is "sed in place" "new" "$(echo old >edit && sed -i s/old/new/ edit && cat edit)"
is "sed text from a script" "one two" "$(echo one | sed '/one/{
a\
two
}' | tr '\n' ' ' | sed 's/ $//')"
is "grep" "2:b" "$(printf 'a\nb\n' | grep -n '^b$')"
is "grep -o -E" "12" "$(echo ab12c | grep -oE '[0-9]+')"
is "grep says no" 1 "$(echo a | grep -q b || echo $?)"
is "grep of fixed strings" 1 "$(printf 'a.c\nabc\n' | grep -cF 'a.c')"

# --- files
mkdir -p tree/dir
echo text >tree/dir/file
ln -s dir/file tree/link
printf '#!%s/bin/sh\necho ran\n' "$bootstrapTools" >tree/run
chmod 755 tree/run
is "a script runs by its first line" "ran" "$(tree/run)"
is "find" "tree/dir/file tree/link" "$(find tree -type l -o -name 'f*' | sort | xargs echo)"
is "find -exec +" "3" "$(find tree ! -type d -exec sh -c 'echo $#' - {} +)"
is "cp keeps links and modes" "dir/file 755" "$(cp -a tree copy && echo "$(readlink copy/link) $(stat -c %a copy/run)")"
is "diff of equal trees" 0 "$(diff -r tree copy >/dev/null && echo $?)"
is "install" "640" "$(install -m 640 -D tree/dir/file a/b/c && stat -c %a a/b/c)"
is "touch at a time" 86400 "$(touch -d @86400 when && stat -c %Y when)"
is "date" "1970-01-02T00:00:00" "$(date -u -d @86400 +%FT%T)"
is "realpath" "$PWD/tree/dir/file" "$(realpath tree/link)"
is "test -nt" "newer" "$(touch -d @1 o && touch -d @2 n && [ n -nt o ] && echo newer)"
is "mktemp" "made" "$(d=$(mktemp -d ./t.XXXXXX) && [ -d "$d" ] && echo made)"
is "sort, uniq, cut, tr" "1 A" "$(printf 'b:2\na:1\na:1\n' | sort | uniq -d | cut -d: -f2,1 | tr 'a:' 'A ' | awk '{ print $2, $1 }')"
is "head, tail, wc" "2 3" "$(seq 5 | head -n 3 | tail -n 2 | tr '\n' ' ' | sed 's/ $//')"
is "od" "68 69" "$(printf hi | od -An -tx1 | xargs echo)"
is "sha256sum" e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 "$(sha256sum </dev/null | cut -d' ' -f1)"
is "expr" 7 "$(expr 3 + 4)"
is "expr matches" "1.2" "$(expr v1.2 : 'v\(.*\)')"
is "dd" "bc" "$(printf abcd | dd bs=1 skip=1 count=2 2>/dev/null)"
is "comm" "b" "$(printf 'a\nb\n' >one && printf 'b\nc\n' >two && comm -12 one two)"

# --- patches
printf 'one\ntwo\n' >f && printf 'one\nTWO\n' >g
diff -u f g >change || true
patch -p0 f <change >/dev/null
is "patch" "TWO" "$(tail -n 1 f)"

# --- archives
for kind in z:gzip j:bzip2; do
  tar -c${kind%%:*}f tree.tar tree
  mkdir out && tar -xf tree.tar -C out
  diff -r tree out/tree >/dev/null || fail "tar with ${kind#*:} lost something"
  is "tar keeps modes" 755 "$(stat -c %a out/tree/run)"
  rm -r out tree.tar
done
is "tar strips components" "text" "$(tar -cf - tree | tar -xf - --strip-components=2 tree/dir/file && cat file)"
is "cpio" "tree/dir/file" "$(find tree | cpio -o -H newc 2>/dev/null | cpio -t 2>/dev/null | grep file)"
# `printf text | xz`, for there is only a decompressor
is "xz" "text" "$(echo /Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQADdGV4dABVzegz/0oMFwABHARvLJzBH7bzfQEAAAAABFla | base64 -d | xz -dc)"
if echo nonsense | gzip -dc >/dev/null 2>&1; then fail "gzip took nonsense"; fi
if printf '\3757zXZ\0nonsense' | xz -dc >/dev/null 2>&1; then fail "xz took nonsense"; fi

# --- what the tools hold
for applet in $(busybox --list); do
  [ "$(readlink -f "$bootstrapTools/bin/$applet")" = "$bootstrapTools/bin/busybox" ] ||
    fail "no link for $applet"
done
if grep -qE '/nix/store/|/build/' "$bootstrapTools/bin/busybox"; then fail "a path of the build is in the binary"; fi

echo ok >"$out"
