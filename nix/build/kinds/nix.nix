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
  refuse =
    what: instead:
    throw "${what} is not there: nothing of this machine can get into an image (evaluation is pure). ${instead}";

  # What would be empty or missing without a word that helps; the file's own imports see Nix as is.
  # https://nixos.org/manual/nix/stable/command-ref/conf-file#conf-pure-eval
  impure = {
    getEnv =
      name:
      refuse "the environment variable ${name}" "hint: pass a value by [build] args, which the function takes as an argument";
    currentTime = refuse "builtins.currentTime" "hint: pass a time by [build] args";
  };
  scope = {
    builtins = builtins // impure;
    __getEnv = impure.getEnv;
    __currentTime = impure.currentTime;
    __findFile =
      _searchPath: name:
      refuse "<${name}>" "hint: take the argument `pkgs`, the package set that [packages] names";
  };

  made = builtins.scopedImport scope (source + build.src + "/${build.file}");
  given = {
    inherit pkgs;
    inherit (pkgs) lib stdenv;
    source = builtins.path {
      path = source + build.src;
      name = lib.names.storeName "${app.name}-source";
    };
    inherit (app) name version;
  };
  accepted = builtins.functionArgs made;
  available = pkgs // given // build.args;
  # Arguments without a default that nothing is there for.
  missing = builtins.filter (name: !accepted.${name} && !(available ? ${name})) (
    builtins.attrNames accepted
  );

  # The file as the project knows it.
  shown = builtins.substring 1 (-1) "${build.src}/${build.file}";

  result =
    if !(builtins.isFunction made) then
      made
    else if missing != [ ] then
      lib.errors.raise "missing-arguments" {
        file = shown;
        line = (builtins.unsafeGetAttrPos (builtins.head missing) accepted).line or 1;
        names = missing;
      }
    else if accepted == { } then
      made (given // build.args)
    else
      made (builtins.intersectAttrs accepted (pkgs // given) // build.args);
in
if (result.type or null) == "derivation" then
  result
else
  lib.errors.raise "not-a-derivation" {
    file = shown;
    found = builtins.typeOf result;
  }
