{
  system ? builtins.currentSystem,
}:

let
  bootstrap = import ../../bundled/bootstrap ({ inherit system; } // import ./seeds.nix { inherit system; });
in
bootstrap
