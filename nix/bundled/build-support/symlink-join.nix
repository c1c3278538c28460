# symlinkJoin { name, paths, postBuild ? "" }: one tree of real folders whose files are links into
# `paths`. Where two have a file at the same place, the first in the list stays, as in nixpkgs.
pkgs:
{
  name ? "${pname}-${version}",
  pname ? "",
  version ? "",
  paths,
  postBuild ? "",
  nativeBuildInputs ? [ ],
  meta ? { },
  passthru ? { },
  ...
}:
pkgs.runCommand name
  {
    inherit nativeBuildInputs meta passthru;
    paths = map toString (pkgs.lib.filter (path: path != null) (pkgs.lib.flatten paths));
  }
  ''
    mkdir -p "$out"
    for path in $paths; do
      (cd "$path" && find . -mindepth 1 -type d) | sort | while IFS= read -r folder; do
        mkdir -p "$out/$folder"
      done
      (cd "$path" && find . ! -type d) | sort | while IFS= read -r file; do
        [ -e "$out/$file" ] || [ -L "$out/$file" ] || ln -s "$path/''${file#./}" "$out/$file"
      done
    done
    ${postBuild}
  ''
