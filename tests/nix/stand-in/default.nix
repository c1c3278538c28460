# A package set with nixpkgs' shape and no more: the bundled packages behind nixpkgs' arguments, and
# a dockerTools that makes owners and modes by fakeRootCommands. For tests of `set = PATH`.
#
# The fixture puts the bundled set beside this file as ./bundled, and a file ./newer where the
# stream script is to carry its conf as nixpkgs' does since 2025.
{
  system,
  config ? { },
  overlays ? [ ],
}:

assert config == { } && overlays == [ ];
let
  wrap =
    pkgs:
    builtins.removeAttrs pkgs [ "nixgen" ]
    // {
      pkgsCross = builtins.mapAttrs (_: wrap) pkgs.pkgsCross;
      dockerTools.streamLayeredImage = import ./stream-layered-image.nix {
        inherit pkgs;
        newer = builtins.pathExists ./newer;
        layerTar = pkgs.buildPackages.callPackage ./bundled/image/layer-tar.nix { };
      };
    };
in
wrap (import ./bundled { buildSystem = system; })
