# kind = "nix": the user's own Nix file, a function of { pkgs, source, name, version, ... args }
# that gives a derivation.
{
  lib,
  pkgs,
  source,
  app,
  build,
}:

let
  file = source + build.src + "/${build.file}";
  tree = builtins.path {
    path = source + build.src;
    name = "${app.name}-source";
  };
  made = import file;
  given = {
    inherit pkgs;
    inherit (pkgs) lib stdenv;
    source = tree;
    inherit (app) name version;
  };
  accepted = builtins.functionArgs made;
  result =
    if !(builtins.isFunction made) then
      made
    else if accepted == { } then
      made (given // build.args)
    else
      made (builtins.intersectAttrs accepted (pkgs // given) // build.args);
in
if (result.type or null) == "derivation" then
  result
else
  lib.errors.raise "not-a-derivation" { inherit (build) file; }
