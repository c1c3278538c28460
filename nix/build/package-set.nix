# The package set for a host platform: the bundled one, or a nixpkgs checkout.
#
# build: the set for the build machine; for: the set for an image's platform.
{
  lib,
  set,
  buildSystem,
}:

let
  native = import set.tree {
    system = buildSystem;
    config = { };
    overlays = [ ];
  };

  crossFor =
    image:
    native.pkgsCross.${image.pkgsCross}
      or (lib.errors.raise "no-cross-set" { inherit (image) platform pkgsCross; });

  bundledFor = hostSystem: import ../bundled { inherit buildSystem hostSystem; };
in
{
  bundled = {
    build = bundledFor buildSystem;
    for = image: bundledFor image.hostSystem;
  };

  path = {
    build = native;
    for = image: if image.hostSystem == buildSystem then native else crossFor image;
  };
}
.${set.kind}
