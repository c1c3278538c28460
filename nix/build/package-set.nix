# The package set for a host platform: the bundled one, or a nixpkgs checkout.
{ set, buildSystem }:

let
  native = import set.tree {
    system = buildSystem;
    config = { };
    overlays = [ ];
  };

  bundledFor =
    hostSystem:
    import ../bundled {
      inherit buildSystem hostSystem;
    };
in
{
  bundled = {
    build = bundledFor buildSystem;
    for = image: bundledFor image.hostSystem;
  };

  path = {
    build = native;
    for =
      image: if image.hostSystem == buildSystem then native else native.pkgsCross.${image.pkgsCross};
  };
}
.${set.kind}
