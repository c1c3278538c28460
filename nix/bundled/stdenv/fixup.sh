# fixupPhase: what belongs to development goes to `dev`, and nothing names the build's own tools.

hasOutput() {
  case " $outputs " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

# moveToOutput PATTERN OUTPUT: moves matching paths of the other outputs into it.
moveToOutput() {
  target=$(valueOf "$2")
  for output in $outputs; do
    from=$(valueOf "$output")
    [ "$from" != "$target" ] || continue
    for path in "$from"/$1; do
      [ -e "$path" ] || [ -L "$path" ] || continue
      relative=${path#"$from"/}
      mkdir -p "$target/$(dirname "$relative")"
      mv "$path" "$target/$relative"
      rmdir "$(dirname "$path")" 2> /dev/null || true
    done
  done
}

splitDevelopment() {
  if hasOutput dev; then
    for pattern in include lib/pkgconfig lib/cmake share/pkgconfig share/aclocal 'lib/*.a' 'lib/*.la'; do
      moveToOutput "$pattern" dev
    done
  fi
  if hasOutput man; then moveToOutput share/man man; fi
}

# Scripts that were patched for the build start with the build's shell; in an output they start
# with /bin/sh, which an image has when it has a shell.
restoreShebangs() {
  find "$1" -type f -perm -0100 | while read -r script; do
    case "$(head -c 256 "$script" | tr -d '\000' | sed -n 1p)" in
      "#!$shell"*) sed -i "1s|^#!$shell|#!/bin/sh|" "$script" ;;
    esac
  done
}

fixupOutput() {
  # .la files name the build's folders and are of no use to a static set.
  find "$1" -name '*.la' -type f -exec rm {} +
  rm -f "$1/share/info/dir"
  restoreShebangs "$1"
}

writePropagated() {
  [ -n "${propagatedBuildInputs-}" ] || return 0
  if hasOutput dev; then where=$dev; else where=$out; fi
  mkdir -p "$where/nix-support"
  echo "$propagatedBuildInputs" > "$where/nix-support/propagated-build-inputs"
}

writeSetupHook() {
  [ -n "${setupHook-}" ] || return 0
  mkdir -p "$out/nix-support"
  cat "$setupHook" > "$out/nix-support/setup-hook"
}

fixupPhase() {
  runHook preFixup
  splitDevelopment
  for output in $outputs; do
    [ -e "$(valueOf "$output")" ] || die "fixupPhase: the build made no output '$output'"
  done
  for output in $outputs; do
    # shellcheck disable=SC2154
    if [ -d "$(valueOf "$output")" ]; then fixupOutput "$(valueOf "$output")"; fi
  done
  writePropagated
  writeSetupHook
  runHook postFixup
}
