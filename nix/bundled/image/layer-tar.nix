# The program that writes customisation layers, for the build platform.
{ stdenv }:

stdenv.mkDerivation {
  pname = "layer-tar";
  version = "1";
  src = ./layer-tar;
  buildPhase = ''
    $CC -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -o layer-tar *.c
  '';
  installPhase = ''
    mkdir -p "$out/bin"
    cp layer-tar "$out/bin/"
  '';
  meta.description = "Writes an image's customisation layer";
}
