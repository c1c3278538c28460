# The package set for a host platform: the bundled one, or a nixpkgs checkout.
#
# machine: the set for the machine that writes images; for: the set for an image's platform.
{
  lib,
  set,
  machineSystem,
}:

let
  nativeFor =
    system:
    import set.tree {
      inherit system;
      config = { };
      overlays = [ ];
    };
  # why: one import serves all images that are compiled on this machine.
  native = nativeFor machineSystem;
  nativeOn = system: if system == machineSystem then native else nativeFor system;

  crossFor =
    image:
    (nativeOn image.buildSystem).pkgsCross.${image.pkgsCross}
      or (lib.errors.raise "no-cross-set" {
        inherit (image) platform pkgsCross;
        known = builtins.attrNames ((nativeOn image.buildSystem).pkgsCross or { });
      });

  bundledFor = buildSystem: hostSystem: import ../bundled { inherit buildSystem hostSystem; };
in
{
  bundled = {
    machine = bundledFor machineSystem machineSystem;
    for = image: bundledFor image.buildSystem image.hostSystem;
  };

  path = {
    machine = native;
    for =
      image: if image.hostSystem == image.buildSystem then nativeOn image.hostSystem else crossFor image;
  };
}
.${set.kind}
