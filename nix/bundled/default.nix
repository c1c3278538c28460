# The bundled package set: everything from source, static musl, native or cross, out of one binary
# seed (zig) and pinned sources. See README.md.
#
# buildSystem: the machine that builds, "x86_64-linux" or "aarch64-linux"
# hostSystem:  the machine that runs the results, a name in platforms.nix
{
  buildSystem,
  hostSystem ? buildSystem,
}:

let
  lib = import ./lib.nix;
  platforms = import ./platforms.nix;
  sources = import ./sources.nix;

  platformOf =
    system:
    let
      known = lib.concatStringsSep ", " (lib.attrNames platforms);
    in
    platforms.${system}
      or (throw "the bundled package set does not know the system '${system}': it has ${known}");

  buildPlatform =
    let
      platform = platformOf buildSystem;
    in
    if platform.build then
      platform
    else
      throw "the bundled package set can't build on ${buildSystem}: there is no zig seed for it";

  zig = sources."zig-${buildSystem}".src;

  inherit
    (import ./bootstrap {
      system = buildSystem;
      inherit zig;
      busyboxSource = sources.busybox.src;
    })
    bootstrapTools
    ;

  setFor =
    system:
    import ./set.nix {
      inherit
        lib
        sources
        buildSystem
        buildPlatform
        bootstrapTools
        zig
        ;
      hostPlatform = platformOf system;
      buildPackages = sets.${buildSystem};
      pkgsCross = cross;
    };

  # One set per system, each evaluated only when asked for.
  sets = lib.mapAttrs (system: _: setFor system) platforms;

  cross = lib.listToAttrs (
    lib.concatMap (
      system: map (name: lib.nameValuePair name sets.${system}) platforms.${system}.crossNames
    ) (lib.attrNames platforms)
  );
in
builtins.seq buildPlatform (builtins.seq (platformOf hostSystem) sets.${hostSystem})
