# libc++, libc++abi and libunwind of one target as plain files; built only for what needs C++.
{
  buildSystem,
  bootstrapTools,
  zig,
  hostPlatform,
}:

derivation {
  name = "libcxx-${hostPlatform.config}";
  system = buildSystem;
  builder = "${bootstrapTools}/bin/sh";
  args = [
    "-e"
    ./libcxx.sh
  ];
  PATH = "${bootstrapTools}/bin";
  TERM = "dumb";
  inherit zig;
  inherit (hostPlatform) zigTarget;
  zigCpu = if hostPlatform.zigCpu == null then "" else hostPlatform.zigCpu;
}
