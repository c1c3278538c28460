# The systems that the set knows, by Nix system name. `build` marks those that zig seeds exist for.
#
# config:     GNU triple, as nixpkgs spells it
# zigTarget:  what zig calls the target; its libc is built for this one
# clangFlags: what makes clang itself generate code for that same target
# muslArch:   the folder of musl's lib/libc/musl/arch, where that is not zigTarget's first word
# headers:    folders of zig's lib/libc/include, most specific first
# crossNames: attribute names of nixpkgs' pkgsCross that mean this system
let
  make =
    {
      system,
      config,
      arch,
      zigTarget,
      zigCpu ? null,
      clangFlags ? [ ],
      clangTarget ? config,
      muslArch ? null,
      headers,
      kernelArch,
      qemu ? arch,
      oci,
      bits ? 64,
      build ? false,
      crossNames,
    }:
    {
      inherit
        system
        config
        zigTarget
        zigCpu
        clangTarget
        clangFlags
        muslArch
        build
        crossNames
        ;
      headers = headers ++ [ "any-linux-any" ];
      linuxArch = kernelArch;
      qemuArch = qemu;
      libc = "musl";
      parsed = {
        cpu = {
          name = arch;
          inherit bits;
        };
        kernel.name = "linux";
        abi.name = "musl";
      };
      go = {
        GOARCH = oci;
        GOOS = "linux";
      };
      isLinux = true;
      isDarwin = false;
      isMusl = true;
      isStatic = true;
      is64bit = bits == 64;
      is32bit = bits == 32;
      isx86_64 = arch == "x86_64";
      isAarch64 = arch == "aarch64";
      isi686 = arch == "i686";
      isAarch32 = arch == "armv6l" || arch == "armv7l";
      isRiscV64 = arch == "riscv64";
    };
in
{
  x86_64-linux = make {
    system = "x86_64-linux";
    config = "x86_64-unknown-linux-musl";
    arch = "x86_64";
    zigTarget = "x86_64-linux-musl";
    headers = [
      "x86_64-linux-musl"
      "generic-musl"
      "x86-linux-any"
    ];
    kernelArch = "x86_64";
    oci = "amd64";
    build = true;
    crossNames = [
      "gnu64"
      "musl64"
    ];
  };

  aarch64-linux = make {
    system = "aarch64-linux";
    config = "aarch64-unknown-linux-musl";
    arch = "aarch64";
    zigTarget = "aarch64-linux-musl";
    headers = [
      "aarch64-linux-musl"
      "generic-musl"
      "aarch64-linux-any"
    ];
    kernelArch = "arm64";
    oci = "arm64";
    build = true;
    crossNames = [
      "aarch64-multiplatform"
      "aarch64-multiplatform-musl"
    ];
  };

  armv7l-linux = make {
    system = "armv7l-linux";
    config = "armv7l-unknown-linux-musleabihf";
    arch = "armv7l";
    zigTarget = "arm-linux-musleabihf";
    zigCpu = "generic+v7a+vfp3d16";
    clangTarget = "armv7-unknown-linux-musleabihf";
    clangFlags = [
      "-march=armv7-a"
      "-mfpu=vfpv3-d16"
    ];
    headers = [
      "arm-linux-musl"
      "generic-musl"
      "arm-linux-any"
    ];
    kernelArch = "arm";
    qemu = "arm";
    oci = "arm";
    bits = 32;
    crossNames = [
      "armv7l-hf-multiplatform"
      "muslarmv7l-hf"
    ];
  };

  armv6l-linux = make {
    system = "armv6l-linux";
    config = "armv6l-unknown-linux-musleabihf";
    arch = "armv6l";
    zigTarget = "arm-linux-musleabihf";
    zigCpu = "arm1176jzf_s";
    clangTarget = "armv6-unknown-linux-musleabihf";
    clangFlags = [
      "-march=armv6kz"
      "-mfpu=vfpv2"
    ];
    headers = [
      "arm-linux-musl"
      "generic-musl"
      "arm-linux-any"
    ];
    kernelArch = "arm";
    qemu = "arm";
    oci = "arm";
    bits = 32;
    crossNames = [
      "raspberryPi"
      "muslpi"
    ];
  };

  i686-linux = make {
    system = "i686-linux";
    config = "i686-unknown-linux-musl";
    arch = "i686";
    zigTarget = "x86-linux-musl";
    zigCpu = "i686";
    clangFlags = [ "-march=i686" ];
    muslArch = "i386";
    headers = [
      "x86-linux-musl"
      "generic-musl"
      "x86-linux-any"
    ];
    kernelArch = "i386";
    qemu = "i386";
    oci = "386";
    bits = 32;
    crossNames = [
      "gnu32"
      "musl32"
    ];
  };

  riscv64-linux = make {
    system = "riscv64-linux";
    config = "riscv64-unknown-linux-musl";
    arch = "riscv64";
    zigTarget = "riscv64-linux-musl";
    headers = [
      "riscv64-linux-musl"
      "generic-musl"
      "riscv-linux-any"
    ];
    kernelArch = "riscv";
    oci = "riscv64";
    crossNames = [
      "riscv64"
      "riscv64-musl"
    ];
  };
}
