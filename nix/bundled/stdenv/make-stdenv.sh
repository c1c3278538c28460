# Puts $out/setup together: settings, then the parts in order.
set -eu
mkdir -p "$out"
{
  for name in shell initialPath cc ccPrefix buildCc hostConfig buildConfig cross; do
    eval "value=\${$name}"
    printf "%s='%s'\n" "$name" "$value"
  done
  for part in $parts; do cat "$part"; done
} > "$out/setup"
