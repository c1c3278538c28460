# What the tests compare with.

# expect WANTED GOT
expect() {
  [ "$1" = "$2" ] || {
    printf 'wanted: %s\ngot:    %s\n' "$1" "$2" >&2
    exit 1
  }
}

# expectContains PART TEXT
expectContains() {
  case "$2" in
    *"$1"*) ;;
    *) printf 'wanted something with: %s\ngot: %s\n' "$1" "$2" >&2; exit 1 ;;
  esac
}

# expectFailure MESSAGE COMMAND...: the command fails and says so.
expectFailure() {
  wanted=$1
  shift
  if said=$("$@" 2>&1); then
    echo "wanted a failure with '$wanted', but it worked: $*" >&2
    exit 1
  fi
  expectContains "$wanted" "$said"
}
