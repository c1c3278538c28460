# The trivial builders, under nixpkgs' names.
pkgs:
let
  inherit (pkgs) lib stdenvNoCC;
  text = import ./text.nix pkgs;

  runCommandWith =
    stdenv: name: attributes: buildCommand:
    stdenv.mkDerivation (
      {
        inherit name buildCommand;
        passAsFile = [ "buildCommand" ] ++ attributes.passAsFile or [ ];
      }
      // removeAttrs attributes [ "passAsFile" ]
    );
in
text
// {
  # runCommand name attributes script: the script makes $out.
  runCommand = runCommandWith stdenvNoCC;
  runCommandLocal = runCommandWith stdenvNoCC;
  runCommandCC = runCommandWith pkgs.stdenv;
  symlinkJoin = import ./symlink-join.nix pkgs;
  buildEnv = import ./build-env.nix pkgs;
  closureInfo = import ./closure-info.nix pkgs;

  # fetchurl { url | urls, sha256 | hash, name ? }
  fetchurl =
    {
      url ? builtins.head urls,
      urls ? [ url ],
      sha256 ? "",
      hash ? sha256,
      name ? baseNameOf url,
      ...
    }:
    derivation {
      inherit name url;
      urls = [ url ];
      builder = "builtin:fetchurl";
      system = "builtin";
      outputHash = hash;
      # An SRI hash names its own algorithm.
      ${if lib.hasInfix "-" hash then null else "outputHashAlgo"} = "sha256";
      outputHashMode = "flat";
      executable = false;
      unpack = false;
      preferLocalBuild = true;
      impureEnvVars = [
        "http_proxy"
        "https_proxy"
        "no_proxy"
      ];
    };
}
