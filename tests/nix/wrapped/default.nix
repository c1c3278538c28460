# A nixpkgs checkout (./checkout) with placeholders for what it lacks; see placeholders.nix.
{
  system,
  config ? { },
  overlays ? [ ],
}:

import ./checkout {
  inherit system config;
  overlays = [ (import ./placeholders.nix ./checkout) ] ++ overlays;
}
