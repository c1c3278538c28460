{
  lib,
  stdenv,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.zstd) pname version src;
  outputs = [
    "out"
    "dev"
  ];

  dontConfigure = true;
  buildPhase = ''
    runHook preBuild
    flags="-O3 -DZSTD_MULTITHREAD -DXXH_NAMESPACE=ZSTD_ -DZSTD_LEGACY_SUPPORT=0 -DZSTD_DISABLE_ASM -DDEBUGLEVEL=0"
    compileObjects library "$flags" lib/common/*.c lib/compress/*.c lib/decompress/*.c lib/dictBuilder/*.c
    compileObjects program "$flags -Ilib -Ilib/common" programs/*.c
    makeArchive libzstd.a library/*.o
    $CC -o zstd program/*.o libzstd.a -lpthread
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    installFile 0755 zstd "$out/bin/zstd"
    for name in unzstd zstdcat zstdmt; do ln -s zstd "$out/bin/$name"; done
    installFile 0644 libzstd.a "$out/lib/libzstd.a"
    for header in zstd.h zdict.h zstd_errors.h; do installFile 0644 "lib/$header" "$out/include/$header"; done
    runHook postInstall
  '';

  meta = lib.packageMeta sources.zstd {
    description = "Zstandard, a fast compressor with a wide range of ratios";
    homepage = "https://facebook.github.io/zstd/";
    cpe = {
      vendor = "facebook";
      product = "zstandard";
    };
    mainProgram = "zstd";
  };
}
