{
  description = "A compiler for container images: the bundled package set, and the library that generated Nix calls";

  # No inputs: the bundled set builds everything from pinned sources of its own.
  outputs =
    { self }:
    let
      buildSystems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEach =
        make:
        builtins.listToAttrs (
          map (system: {
            name = system;
            value = make system;
          }) buildSystems
        );
    in
    {
      # The bundled package set for each machine that can build it; pkgsCross in it cross-compiles.
      legacyPackages = forEach (buildSystem: import ./nix/bundled { inherit buildSystem; });

      # What the generated folder calls: see nix/build/default.nix.
      lib.images = import ./nix/build;

      checks = forEach (buildSystem: import ./nix/tests/bundled { inherit buildSystem; });
    };
}
