# The first shell and tools of the bundled set, made from zig and the source of BusyBox and nothing else.
#
#   system         the build platform: "x86_64-linux" or "aarch64-linux"
#   zig            store path of the unpacked zig toolchain for `system`
#   busyboxSource  store path of BusyBox's tarball
#
# Gives `bootstrapTools`, a derivation whose output holds bin/busybox (static, musl) and beside it a link for every
# applet, sh among them; and `busyboxTree`, a derivation that holds the unpacked source in its folder `busybox`.
{
  system,
  zig,
  busyboxSource,
}:

let
  targets = {
    x86_64-linux = "x86_64-linux-musl";
    aarch64-linux = "aarch64-linux-musl";
  };
  known = builtins.concatStringsSep " and " (builtins.attrNames targets);
  target =
    targets.${system} or (throw "the bundled package set builds on ${known}, not on ${system}");

  # A store path of its own: a change elsewhere in this folder builds nothing anew.
  source = builtins.path {
    name = "bootstrap-source";
    path = ./source;
  };

  # Nix unpacks the tarball itself: this builder is part of Nix, made for channels.
  busyboxTree = derivation {
    name = "busybox-source";
    system = "builtin";
    builder = "builtin:unpack-channel";
    src = busyboxSource;
    channelName = "busybox";
    preferLocalBuild = true;
  };

  bootstrapTools = derivation {
    name = "bootstrap-tools";
    inherit system;
    builder = "${zig}/zig";
    # why: -OReleaseSmall and -fstrip equal what bootstrap.c compiles BusyBox with, so that zig builds its C library
    # once for both.
    args = [
      "run"
      "-lc"
      "-target"
      target
      "-OReleaseSmall"
      "-fstrip"
      "-D_GNU_SOURCE"
      "${source}/bootstrap.c"
      "--"
      "${zig}/zig"
      target
      "${busyboxTree}/busybox"
      "${source}"
      (placeholder "out")
    ];
    # Relative: the working folder is the only one that can be written to.
    ZIG_GLOBAL_CACHE_DIR = "zig-cache";
    ZIG_LOCAL_CACHE_DIR = "zig-cache";
    # zig would draw its progress into the log, which Nix gives it as a terminal. With this set it reports to that file
    # descriptor instead, and no such one is ever open.
    ZIG_PROGRESS = "2147483647";
    allowedReferences = [ ];
  };
in
{
  inherit bootstrapTools busyboxTree;
}
