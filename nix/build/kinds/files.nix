# kind = "files": part of the source tree, as it is, at a place in the image.
{
  lib,
  pkgs,
  source,
  app,
  build,
}:

let
  tree = builtins.path {
    path = source + build.src;
    name = "${app.name}-files";
  };
in
pkgs.runCommand "${app.name}-${app.version}"
  {
    inherit tree;
    inherit (build) dest;
    meta.description = "Files of ${app.name}";
  }
  ''
    mkdir -p "$out$(dirname "$dest")"
    cp -r "$tree" "$out$dest"
  ''
