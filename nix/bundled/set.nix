# The packages for one host platform: one attribute set, fixed point of everything below.
{
  lib,
  sources,
  buildSystem,
  buildPlatform,
  hostPlatform,
  bootstrapTools,
  zig,
  buildPackages,
  pkgsCross,
}:

lib.fix (
  pkgs:
  let
    callPackage = lib.callPackageWith pkgs;

    toolchainArguments = {
      inherit
        buildSystem
        bootstrapTools
        zig
        hostPlatform
        ;
    };
    sysroot = import ./toolchain/sysroot.nix toolchainArguments;
    libcxx = import ./toolchain/libcxx.nix toolchainArguments;
    compiler = import ./toolchain/cc.nix (
      toolchainArguments
      // {
        inherit buildPlatform sysroot;
      }
    );
    compilerCxx = import ./toolchain/cc.nix (
      toolchainArguments
      // {
        inherit buildPlatform sysroot libcxx;
      }
    );

    stdenvWith =
      extra:
      import ./stdenv (
        {
          inherit
            lib
            buildSystem
            buildPlatform
            hostPlatform
            bootstrapTools
            ;
          buildCc = buildPackages.stdenv.cc;
        }
        // extra
      );

    packages = lib.mapAttrs (_: file: callPackage file { }) (import ./packages);
  in
  packages
  // {
    inherit
      lib
      callPackage
      buildPackages
      pkgsCross
      sources
      bootstrapTools
      zig
      ;
    inherit (hostPlatform) system;

    stdenv = stdenvWith {
      cc = compiler;
      cxx = compilerCxx;
      toolchain = [
        zig
        sysroot
        compiler
        bootstrapTools
      ];
    };
    stdenvNoCC = stdenvWith {
      cc = null;
      cxx = null;
      toolchain = [ ];
    };

    # What generated expressions ask to know which features the set has beyond nixpkgs'.
    nixgen = {
      entries = true;
      # Programs hold the libraries that they were built with.
      static = true;
      # The names of its packages.
      packages = lib.attrNames packages;
    };

    # The parts of the toolchain, for tests and for those who look.
    toolchain = {
      inherit
        sysroot
        libcxx
        compiler
        compilerCxx
        ;
    };

    lua = pkgs.lua5_4;
    runtimeShell = "${pkgs.bash}/bin/bash";
    dockerTools = {
      streamLayeredImage = callPackage ./image/stream-layered-image.nix { };
    };
  }
  // import ./build-support pkgs
)
