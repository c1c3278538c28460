# buildEnv: links the trees of $paths into $out$extraPrefix.

wanted() {
  for link in $pathsToLink; do
    [ "$link" = / ] && return 0
    case "$1/" in "$link"/*) return 0 ;; esac
    case "$link/" in "$1"/*) return 0 ;; esac
  done
  return 1
}

same() {
  [ -f "$1" ] && [ -f "$2" ] && cmp -s "$1" "$2" || return 1
  { [ -x "$1" ] && [ -x "$2" ]; } || { [ ! -x "$1" ] && [ ! -x "$2" ]; }
}

# expand FOLDER: a link to a folder becomes a folder of links.
expand() {
  provider=$(readlink "$1")
  rm "$1"
  mkdir "$1"
  for child in "$provider"/* "$provider"/.[!.]*; do
    [ -e "$child" ] || [ -L "$child" ] || continue
    ln -s "$child" "$1/${child##*/}"
  done
}

# place SOURCE TARGET RELATIVE
place() {
  wanted "$3" || return 0
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then
    # A folder above those that are asked for is made, not linked.
    if [ -d "$1" ] && ! wholly "$3"; then mkdir "$2"; else ln -s "$1" "$2" || exit 1; return 0; fi
  elif [ -d "$1" ] && [ -d "$2" ]; then
    [ ! -L "$2" ] || expand "$2"
  elif same "$1" "$2" || [ -n "$ignoreCollisions" ]; then
    return 0
  else
    die "$3 is provided by both $(readlink "$2" || echo "$2") and $1"
  fi
  merge "$1" "$2" "$3"
}

wholly() {
  for link in $pathsToLink; do
    [ "$link" = / ] && return 0
    case "$1/" in "$link"/*) return 0 ;; esac
  done
  return 1
}

# merge SOURCE TARGET RELATIVE: the children of one folder. A subshell keeps each level's names.
merge() (
  for child in "$1"/* "$1"/.[!.]*; do
    [ -e "$child" ] || [ -L "$child" ] || continue
    place "$child" "$2/${child##*/}" "$3/${child##*/}" || exit 1
  done
)

buildEnv() {
  mkdir -p "$out$extraPrefix"
  for path in $paths; do
    [ -d "$path" ] || die "$path is a file and can't be merged into an environment"
    merge "$path" "$out$extraPrefix" "" || exit 1
  done
}
