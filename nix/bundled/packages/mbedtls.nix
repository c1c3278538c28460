{
  lib,
  stdenv,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.mbedtls) pname version src;

  # why in the header and not as a flag: it changes structures that programs see.
  postPatch = ''
    for name in THREADING_C THREADING_PTHREAD; do
      sed -i "s|^//#define MBEDTLS_$name\$|#define MBEDTLS_$name|" include/mbedtls/mbedtls_config.h
      grep -q "^#define MBEDTLS_$name" include/mbedtls/mbedtls_config.h
    done
  '';
  dontConfigure = true;
  buildPhase = ''
    runHook preBuild
    compileObjects objects \
      "-O2 -Iinclude -Ilibrary -I3rdparty/everest/include -I3rdparty/everest/include/everest \
       -I3rdparty/everest/include/everest/kremlib -I3rdparty/p256-m" \
      library/*.c 3rdparty/everest/library/everest.c 3rdparty/everest/library/x25519.c \
      3rdparty/everest/library/Hacl_Curve25519_joined.c 3rdparty/p256-m/p256-m_driver_entrypoints.c \
      3rdparty/p256-m/p256-m/p256-m.c
    mkdir tls x509
    for name in debug mps_reader mps_trace net_sockets; do mv "objects/library_$name.o" tls/; done
    mv objects/library_ssl_*.o tls/
    mv objects/library_x509*.o objects/library_pkcs7.o x509/
    makeArchive libmbedtls.a tls/*.o
    makeArchive libmbedx509.a x509/*.o
    makeArchive libmbedcrypto.a objects/*.o
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    for name in tls x509 crypto; do installFile 0644 "libmbed$name.a" "$out/lib/libmbed$name.a"; done
    mkdir -p "$out/include"
    cp -R include/mbedtls include/psa "$out/include/"
    find "$out/include" ! -name '*.h' -type f -exec rm {} +
    runHook postInstall
  '';

  meta = lib.packageMeta sources.mbedtls {
    description = "TLS and cryptography in portable C";
    homepage = "https://www.trustedfirmware.org/projects/mbed-tls/";
    cpe = {
      vendor = "arm";
      product = "mbed_tls";
    };
  };
}
