# The seeds of the bootstrap as store paths, for `system`. They have to be in the store already: whoever runs the
# tests puts them there under these names and hashes (`nixgen sources`).
{ system }:

let
  seeds = import ../../bundled/bootstrap/seeds.nix;
  zig = seeds.zig.systems.${system};

  # A fixed-output derivation whose output is valid is never built, so the builder does not matter.
  fixed =
    attrs:
    derivation (
      {
        system = "builtin";
        builder = "builtin:fetchurl";
        outputHashAlgo = "sha256";
        preferLocalBuild = true;
      }
      // attrs
    );
in
{
  zig = fixed {
    inherit (zig) name;
    url = "nixgen:zig";
    outputHash = zig.narHash;
    outputHashMode = "recursive";
  };
  busyboxSource = fixed {
    inherit (seeds.busybox) name url;
    outputHash = seeds.busybox.sha256;
    outputHashMode = "flat";
  };
}
