# The compiler driver of one target: clang and lld, both inside the zig binary, pointed at the
# target's sysroot. Programs named as build systems look for them, with the triple in front where
# the target is not the build machine's own.
#
# libcxx: null, or the C++ libraries; with them there is a c++.
{
  buildSystem,
  buildPlatform,
  hostPlatform,
  bootstrapTools,
  zig,
  sysroot,
  libcxx ? null,
}:

let
  targetPrefix = if hostPlatform.system == buildPlatform.system then "" else "${hostPlatform.config}-";
in
derivation {
  name = "${targetPrefix}cc-${if libcxx == null then "c" else "cxx"}";
  system = buildSystem;
  builder = "${bootstrapTools}/bin/sh";
  args = [
    "-e"
    ./cc.sh
  ];
  PATH = "${bootstrapTools}/bin";
  shell = "${bootstrapTools}/bin/sh";
  driver = ./driver.sh;
  linker = ./linker.sh;
  inherit zig sysroot targetPrefix;
  inherit (hostPlatform) config clangTarget clangFlags;
  libcxx = if libcxx == null then "" else libcxx;
}
// {
  inherit targetPrefix;
  isClang = true;
  isGNU = false;
}
