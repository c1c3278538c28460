# The environment of every build and the phases of the generic builder: the common part of what
# package expressions written for nixpkgs expect, in POSIX sh. Put together by stdenv's builder:
# before this come the settings `shell`, `initialPath`, `cc`, `ccPrefix`, `buildCc`,
# `hostConfig`, `buildConfig`, `cross`; after it inputs.sh, unpack.sh, phases.sh, compile.sh
# and fixup.sh.
set -eu
# why: a failure in the middle of a pipe must not be lost.
set -o pipefail

: "${outputs:=out}" "${NIX_BUILD_CORES:=1}" "${NIX_BUILD_TOP:=$PWD}"
[ "$NIX_BUILD_CORES" -gt 0 ] || NIX_BUILD_CORES=$(nproc)

export NIX_BUILD_TOP NIX_BUILD_CORES
export PATH="$initialPath"
export SHELL="$shell" CONFIG_SHELL="$shell"
export HOME="${HOME:-/homeless-shelter}"
export TZ=UTC LC_ALL=C
# 1980-01-01: the earliest time that zip archives can hold.
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-315532800}"
# Nix gives builders a terminal; logs are to be read without one.
export TERM=dumb
umask 022

die() {
  echo "error: $*" >&2
  exit 1
}

hasFunction() {
  case "$(command -V "$1" 2> /dev/null || true)" in
    *function*) return 0 ;;
    *) return 1 ;;
  esac
}

# valueOf NAME: the value of the variable of that name, empty when unset.
valueOf() {
  eval "printf '%s' \"\${$1-}\""
}

# runHook NAME: a shell function or the text of a variable of that name, or nothing.
runHook() {
  if hasFunction "$1"; then
    "$1"
  else
    eval "$(valueOf "$1")"
  fi
}

# flagsOf NAME: a list attribute, as words; `$(out)` and the like are left to make.
flagsOf() {
  valueOf "$1"
}

addToSearchPath() {
  [ -d "$2" ] || return 0
  eval "export $1=\"\$2\${$1:+:\$$1}\""
}

# substituteInPlace FILE... --replace[-fail] FROM TO ... --subst-var-by NAME VALUE ...
substituteInPlace() {
  files=
  while [ $# -gt 0 ]; do
    case "$1" in
      --*) break ;;
      *) files="$files $1"; shift ;;
    esac
  done
  for file in $files; do
    substitute "$file" "$file.substituted" "$@"
    cat "$file.substituted" > "$file"
    rm "$file.substituted"
  done
}

# substitute IN OUT, with the options of substituteInPlace. FROM and TO are plain text.
substitute() {
  substituteIn=$1
  substituteOut=$2
  shift 2
  cp "$substituteIn" "$NIX_BUILD_TOP/.substitute"
  while [ $# -gt 0 ]; do
    case "$1" in
      --replace | --replace-fail | --replace-warn) from=$2; to=$3; kind=$1; shift 3 ;;
      --subst-var-by) from="@$2@"; to=$3; kind=--replace; shift 3 ;;
      --subst-var) from="@$2@"; to=$(valueOf "$2"); kind=--replace; shift 2 ;;
      *) die "substitute: unknown option $1" ;;
    esac
    if [ "$kind" = --replace-fail ] && ! FROM="$from" awk "$substituteCheck" "$NIX_BUILD_TOP/.substitute"; then
      die "substitute: $substituteIn holds no '$from'"
    fi
    FROM="$from" TO="$to" awk "$substituteProgram" "$NIX_BUILD_TOP/.substitute" > "$NIX_BUILD_TOP/.substituted"
    mv "$NIX_BUILD_TOP/.substituted" "$NIX_BUILD_TOP/.substitute"
  done
  cat "$NIX_BUILD_TOP/.substitute" > "$substituteOut"
  rm "$NIX_BUILD_TOP/.substitute"
}

# why awk and not sed: neither side is a pattern. A FROM of several lines is out of reach.
substituteCheck='index($0, ENVIRON["FROM"]) { found = 1; exit } END { exit !found }'
substituteProgram='{
  line = $0; done = ""
  while ((at = index(line, ENVIRON["FROM"])) > 0) {
    done = done substr(line, 1, at - 1) ENVIRON["TO"]
    line = substr(line, at + length(ENVIRON["FROM"]))
  }
  print done line
}'

# install -D and the like for one file: installFile MODE SOURCE TARGET
installFile() {
  mkdir -p "$(dirname "$3")"
  cp "$2" "$3"
  chmod "$1" "$3"
}
