# stdenv and mkDerivation: nixpkgs' interface over a small builder in POSIX sh.
#
# cc, cxx:    the compiler for the host platform, without and with C++; null in stdenvNoCC
# buildCc:    the compiler for the build platform
{
  lib,
  buildSystem,
  buildPlatform,
  hostPlatform,
  bootstrapTools,
  cc,
  cxx,
  buildCc,
  toolchain,
}:

let
  shell = "${bootstrapTools}/bin/sh";
  # why: what is made without a compiler is the same for every platform: one derivation, and in an
  # image index one layer.
  madeFor = if cc == null then buildPlatform else hostPlatform;
  isCross = buildPlatform.system != madeFor.system;

  environmentFor =
    compiler:
    derivation {
      name = "stdenv-${madeFor.config}";
      system = buildSystem;
      builder = shell;
      args = [
        "-e"
        ./make-stdenv.sh
      ];
      PATH = "${bootstrapTools}/bin";
      parts = [
        ./setup.sh
        ./inputs.sh
        ./unpack.sh
        ./phases.sh
        ./compile.sh
        ./fixup.sh
      ];
      inherit shell;
      initialPath = "${bootstrapTools}/bin";
      cc = if compiler == null then "" else compiler;
      ccPrefix = if compiler == null then "" else compiler.targetPrefix;
      buildCc = if compiler == null then "" else "${buildCc}/bin/cc";
      hostConfig = madeFor.config;
      buildConfig = buildPlatform.config;
      cross = if isCross then "1" else "";
    };

  environment = environmentFor cc;
  environmentCxx = environmentFor cxx;

  # Attributes of an expression that Nix and its reader know, and the builder does not.
  notForTheBuilder = [
    "meta"
    "passthru"
    "env"
    "useCxx"
    "pos"
    "allowToolchainReferences"
    "nativeBuildInputs"
    "buildInputs"
    "propagatedBuildInputs"
  ];

  makeDerivation = import ./make-derivation.nix {
    inherit
      lib
      buildSystem
      buildPlatform
      hostPlatform
      isCross
      shell
      notForTheBuilder
      toolchain
      ;
    hasCompiler = cc != null;
    environmentOf = attrs: if attrs.useCxx or false then environmentCxx else environment;
  };
in
environment
// {
  inherit
    buildPlatform
    hostPlatform
    cc
    shell
    ;
  targetPlatform = hostPlatform;
  mkDerivation = makeDerivation;
  hasCC = cc != null;
  isLinux = true;
  isDarwin = false;
}
