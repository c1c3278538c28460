# The program that puts store paths into layers, for the build platform.
{ stdenv }:

stdenv.mkDerivation {
  pname = "layer-split";
  version = "1";
  src = ./layer-split;
  buildPhase = ''
    $CC -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -o layer-split *.c
  '';
  installPhase = ''
    mkdir -p "$out/bin"
    cp layer-split "$out/bin/"
  '';
  meta.description = "Puts an image's store paths into layers";
}
