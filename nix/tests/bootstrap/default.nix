# Tests of the bootstrap tools, one derivation each: `nix-build nix/tests/bootstrap`.
{
  buildSystem ? "x86_64-linux",
}:

let
  system = buildSystem;
  sources = import ../../bundled/sources.nix;
  zig = sources."zig-${system}".src;
  bootstrap = import ../../bundled/bootstrap {
    inherit system zig;
    busyboxSource = sources.busybox.src;
  };
  inherit (bootstrap) bootstrapTools busyboxTree;

  test =
    name: script: attrs:
    derivation (
      {
        name = "test-bootstrap-${name}";
        inherit system;
        builder = "${bootstrapTools}/bin/sh";
        args = [
          "-eu"
          script
        ];
        PATH = "${bootstrapTools}/bin";
      }
      // attrs
    );
in
{
  # The tools do what configure scripts and makefiles expect of them, and need no /bin/sh.
  behaviour = test "behaviour" ./behaviour.sh { inherit bootstrapTools; };

  # Made again in another folder, they are the same to the bit; and what bootstrap.c takes from BusyBox's sources is
  # what BusyBox's own build takes from them.
  headers = test "headers" ./headers.sh {
    inherit zig bootstrapTools busyboxTree;
    bootstrapArguments = bootstrapTools.args;
    target = builtins.elemAt bootstrapTools.args 3;
    source = ../../bundled/bootstrap/source;
    ZIG_GLOBAL_CACHE_DIR = "zig-cache";
    ZIG_LOCAL_CACHE_DIR = "zig-cache";
    inherit (bootstrapTools) ZIG_PROGRESS;
  };
}
