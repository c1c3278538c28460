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
  newer = builtins.pathExists ./newer;
  # As nixpkgs' makeOverridable leaves a function; only the newer generation takes a pipeline.
  overridable = function: {
    __functor = _: function;
    __functionArgs =
      builtins.functionArgs function // (if newer then { layeringPipeline = true; } else { });
  };
  wrap =
    pkgs:
    builtins.removeAttrs pkgs [ "nixgen" ]
    // {
      pkgsCross = builtins.mapAttrs (_: wrap) pkgs.pkgsCross;
      dockerTools.streamLayeredImage = overridable (
        import ./stream-layered-image.nix {
          inherit pkgs newer;
          layerTar = pkgs.buildPackages.callPackage ./bundled/image/layer-tar.nix { };
        }
      );
    };
in
wrap (import ./bundled { buildSystem = system; })
