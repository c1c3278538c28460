{ callPackage }: callPackage ./bash.nix { interactive = false; }
