# The C library of one target as plain files, shared by all that is compiled for it:
# include/ (libc and kernel headers), lib/ (libc.a, crt files), resource/ (compiler-rt and
# clang's own headers, in the shape of a clang resource directory).
{
  buildSystem,
  bootstrapTools,
  zig,
  hostPlatform,
}:

derivation {
  name = "sysroot-${hostPlatform.config}";
  system = buildSystem;
  builder = "${bootstrapTools}/bin/sh";
  args = [
    "-e"
    ./sysroot.sh
  ];
  PATH = "${bootstrapTools}/bin";
  TERM = "dumb";
  inherit zig;
  # The triple by which clang looks up what is in its resource directory.
  config = hostPlatform.clangTarget;
  inherit (hostPlatform) zigTarget clangTarget headers;
  clangFlags =
    hostPlatform.clangFlags
    ++ (
      if hostPlatform.muslArch == null then
        [ ]
      else
        [
          "-I"
          "${zig}/lib/libc/musl/arch/${hostPlatform.muslArch}"
        ]
    );
  zigCpu = if hostPlatform.zigCpu == null then "" else hostPlatform.zigCpu;
}
