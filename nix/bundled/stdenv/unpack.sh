# unpackPhase and patchPhase.

# unpackFile ARCHIVE: unpacks an archive, or copies a folder, into the current folder.
unpackFile() {
  echo "unpacking $1"
  if [ -d "$1" ]; then
    copied=$(stripHash "$1")
    cp -R "$1" "$copied"
    chmod -R u+w "$copied"
    return
  fi
  case "$1" in
    *.tar | *.tar.gz | *.tgz | *.tar.xz | *.txz | *.tar.bz2 | *.tbz2) tar xf "$1" ;;
    *.zip | *.whl) unzip -q "$1" ;;
    *) die "unpackPhase: do not know how to unpack $1 (set dontUnpack or unpackPhase)" ;;
  esac
}

# stripHash PATH: the name of a store path.
stripHash() {
  base=${1##*/}
  case "$base" in
    [0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z]*-*) echo "${base#*-}" ;;
    *) echo "$base" ;;
  esac
}

unpackPhase() {
  runHook preUnpack
  set -- ${srcs:-${src:-}}
  [ $# -gt 0 ] || die "unpackPhase: neither src nor srcs is set (set dontUnpack where there is no source)"
  mkdir -p "$NIX_BUILD_TOP/source"
  cd "$NIX_BUILD_TOP/source"
  for archive; do unpackFile "$archive"; done
  if [ -n "${setSourceRoot-}" ]; then
    eval "$setSourceRoot"
  elif [ -z "${sourceRoot-}" ]; then
    set -- */
    if [ $# -eq 1 ] && [ -d "$1" ]; then sourceRoot=${1%/}; else sourceRoot=.; fi
  fi
  runHook postUnpack
}

patchPhase() {
  runHook prePatch
  for patch in ${patches-}; do
    echo "applying $patch"
    patch ${patchFlags:--p1} < "$patch"
  done
  runHook postPatch
}

# patchShebangs [--build|--host] PATH...: makes scripts start with an interpreter that exists here.
patchShebangs() {
  for path; do
    case "$path" in --build | --host | --update) continue ;; esac
    find "$path" -type f -perm -0100 | while read -r script; do patchShebang "$script"; done
  done
}

patchShebang() {
  # why the cut: the first "line" of a binary can be all of it.
  first=$(head -c 128 "$1" | tr -d '\000' | sed -n 1p)
  case "$first" in '#!'*) ;; *) return 0 ;; esac
  set -- "$1" $(echo "${first#??}" | tr -cd ' -~')
  script=$1
  interpreter=${2-}
  shift; [ $# -eq 0 ] || shift
  case "$interpreter" in
    "$NIX_STORE"/* | /nix/store/*) return 0 ;;
    */env) interpreter=${1-}; [ $# -eq 0 ] || shift ;;
  esac
  name=${interpreter##*/}
  found=$(command -v "$name" || true)
  if [ -z "$found" ] && [ "$name" = bash ]; then found=$shell; fi
  [ -n "$found" ] || return 0
  { echo "#!$found${1:+ $*}"; tail -n +2 "$script"; } > "$script.patched"
  touch -r "$script" "$script.patched"
  cat "$script.patched" > "$script"
  touch -r "$script.patched" "$script"
  rm "$script.patched"
}
