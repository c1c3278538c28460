{
  lib,
  stdenv,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.zlib) pname version src;

  # The script is not autoconf's: it has flags of its own, and takes the compiler from CC.
  configurePhase = ''
    runHook preConfigure
    CHOST= "$shell" ./configure --static --prefix="$out"
    runHook postConfigure
  '';
  buildPhase = ''
    runHook preBuild
    compileObjects objects "-O3 -D_LARGEFILE64_SOURCE=1 -DHAVE_HIDDEN" *.c
    makeArchive libz.a objects/*.o
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    installFile 0644 libz.a "$out/lib/libz.a"
    installFile 0644 zlib.pc "$out/lib/pkgconfig/zlib.pc"
    for header in zlib.h zconf.h; do installFile 0644 "$header" "$out/include/$header"; done
    runHook postInstall
  '';

  meta = lib.packageMeta sources.zlib {
    description = "Compression library for the deflate format";
    homepage = "https://zlib.net";
    cpe.vendor = "zlib";
  };
}
