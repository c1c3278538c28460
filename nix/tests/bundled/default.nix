# Tests of the bundled set: name -> derivation, which fails to build where behaviour is wrong.
{
  buildSystem ? "x86_64-linux",
}:

let
  pkgs = import ../../bundled { inherit buildSystem; };
  inherit (pkgs) lib;

  prefixed =
    prefix: tests: lib.mapAttrs' (name: test: lib.nameValuePair "${prefix}-${name}" test) tests;
in
prefixed "package" (import ./packages.nix pkgs)
// prefixed "stdenv" (import ./stdenv.nix pkgs)
// prefixed "toolchain" (import ./toolchain.nix pkgs)
// prefixed "builders" (import ./builders.nix pkgs)
// prefixed "image" (import ./image.nix pkgs)
// prefixed "set" (import ./set.nix pkgs)
