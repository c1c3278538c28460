# Attribute name -> the file that makes the package. See ../README.md for how to add one.
{
  bash = ./bash.nix;
  bashNonInteractive = ./bashNonInteractive.nix;
  busybox = ./busybox.nix;
  cacert = ./cacert.nix;
  curl = ./curl.nix;
  gnumake = ./gnumake.nix;
  jq = ./jq.nix;
  lua5_4 = ./lua.nix;
  mbedtls = ./mbedtls.nix;
  pigz = ./pigz.nix;
  sqlite = ./sqlite.nix;
  tzdata = ./tzdata.nix;
  zlib = ./zlib.nix;
  zstd = ./zstd.nix;
}
