# What the bootstrap starts from, pinned: the zig toolchain, the one binary seed, and the source of BusyBox.
#
# zig is the `ziglang/` folder of the wheel of the Python package `ziglang`, unpacked, with `zig` executable (0755)
# and all else not (0644): `narHash` is the hash of that folder as Nix serialises it.
{
  zig = rec {
    version = "0.15.2";
    package = "ziglang";
    license = "MIT";
    systems = {
      x86_64-linux = {
        name = "zig-${version}-x86_64-linux";
        narHash = "sha256-VGkkn+U7jvqAWA3NztQV9Sn9zgN6ch1spLN+RoJ2CO8=";
        wheel = {
          file = "ziglang-${version}-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl";
          sha256 = "806316453d1ede7174ed3fefb8e5348154629089c3bb5fe812dfd0e172fac130";
        };
      };
      aarch64-linux = {
        name = "zig-${version}-aarch64-linux";
        narHash = "sha256-pVOgqh9iu0LHxNByadmCwIL2umSIxKhPNzw7y0v6TrU=";
        wheel = {
          file = "ziglang-${version}-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl";
          sha256 = "edc0aa60ec964a4cf462d40f68d7de242ddf37fd9a80f2afaee6397059463230";
        };
      };
    };
  };

  busybox = rec {
    version = "1.37.0";
    name = "busybox_${version}.orig.tar.bz2";
    sha256 = "3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4";
    url = "https://busybox.net/downloads/busybox-${version}.tar.bz2";
    license = "GPL-2.0-only";
  };
}
