# fakeroot FOLDER SCRIPT: runs SCRIPT in FOLDER and prints what it made as layer-tar's entries.
#
# Owners and modes can't be given to real files in a sandbox, so chown and chmod note them down.

fakeroot() {
  owners=$PWD/owners
  modes=$PWD/modes
  : > "$owners"
  : > "$modes"
  (
    chown() {
      [ "$1" != -h ] || shift
      printf '%s\t%s\n' "$2" "$1" >> "$owners"
    }
    chmod() {
      printf '%s\t%s\n' "$2" "$1" >> "$modes"
    }
    cd "$1"
    . "$2"
  ) >&2
  (cd "$1" && find . -mindepth 1) | sort | while IFS= read -r path; do
    fakerootEntry "$1" "$path"
  done
}

# fakerootNoted FILE PATH: the last that was noted for a path.
fakerootNoted() {
  path=$2 awk -F '\t' '$1 == ENVIRON["path"] { found = $2 } END { print found }' "$1"
}

# fakerootEntry FOLDER PATH: one line of layer-tar's list.
fakerootEntry() {
  owner=$(fakerootNoted "$owners" "$2")
  mode=$(fakerootNoted "$modes" "$2")
  : "${owner:=0:0}" "${mode:=$(stat -c %a "$1/$2")}"
  if [ -L "$1/$2" ]; then
    set -- symlink 777 "$2" "$(readlink "$1/$2")"
  elif [ -d "$1/$2" ]; then
    set -- directory "$mode" "$2" ""
  else
    set -- file "$mode" "$2" "$PWD/$1/$2"
  fi
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "${owner%:*}" "${owner#*:}" "${3#.}" "$4"
}
