# kind = "files": part of the source tree, as it is, at a place in the image.
#
# build.files: the files to take, relative to `src`; null for all of them.
{
  lib,
  pkgs,
  source,
  app,
  build,
}:

let
  inherit (lib.names) storeName;

  whole = {
    path = source + build.src;
    name = storeName "${app.name}-files";
  };
  some = whole // {
    filter = lib.source.onlyFiles {
      tree = source;
      inherit (build) src files;
    };
  };
in
pkgs.runCommand (storeName "${app.name}-${app.version}")
  {
    tree = builtins.path (if build.files == null then whole else some);
    inherit (build) dest;
    meta.description = "Files of ${app.name}";
  }
  ''
    mkdir -p "$out$dest"
    cp -RP "$tree/." "$out$dest/"
  ''
