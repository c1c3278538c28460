{
  lib,
  stdenv,
  sources,
  zlib,
}:

stdenv.mkDerivation {
  inherit (sources.pigz) pname version src;
  buildInputs = [ zlib ];

  dontConfigure = true;
  buildPhase = ''
    runHook preBuild
    compileObjects objects -O3 pigz.c yarn.c try.c zopfli/src/zopfli/*.c
    $CC -o pigz objects/*.o -lz -lm -lpthread
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    installFile 0755 pigz "$out/bin/pigz"
    ln -s pigz "$out/bin/unpigz"
    runHook postInstall
  '';

  meta = lib.packageMeta sources.pigz {
    description = "gzip on all cores";
    homepage = "https://www.zlib.net/pigz/";
    cpe.vendor = "zlib";
    mainProgram = "pigz";
  };
}
