{
  lib,
  stdenv,
  buildPackages,
  sources,
  mbedtls,
  zlib,
}:

stdenv.mkDerivation {
  inherit (sources.curl) pname version src;
  outputs = [
    "out"
    "dev"
  ];
  nativeBuildInputs = [ buildPackages.gnumake ];
  propagatedBuildInputs = [
    mbedtls
    zlib
  ];

  # 8.14 forgets a transfer's error where --retry is given and it is not one to retry:
  # https://github.com/curl/curl/issues/17554
  postPatch = ''
    substituteInPlace src/tool_operate.c --replace-fail \
      'result = retrycheck(config, per, result, retryp, delay);' \
      '{ CURLcode own = retrycheck(config, per, result, retryp, delay); if(own || *retryp) result = own; }'
  ''
  # What configure finds out by running a program where it can; with it, passwords are kept from ps.
  + lib.optionalString (stdenv.hostPlatform.system != stdenv.buildPlatform.system) ''
    sed -i 's/curl_cv_writable_argv=cross/curl_cv_writable_argv=yes/' configure
  '';
  configureFlags = [
    "--with-mbedtls"
    "--with-zlib"
    # The tool takes another from SSL_CERT_FILE or CURL_CA_BUNDLE.
    "--with-ca-bundle=/etc/ssl/certs/ca-bundle.crt"
    "--without-ca-path"
    "--without-libpsl"
    "--without-libidn2"
    "--without-brotli"
    "--without-zstd"
    "--without-nghttp2"
    "--without-libssh2"
    "--disable-ldap"
    "--disable-manual"
    "--disable-docs"
    "--enable-threaded-resolver"
  ];
  CFLAGS = "-O2";
  LIBS = "-lmbedtls -lmbedx509 -lmbedcrypto";

  installPhase = ''
    runHook preInstall
    installFile 0755 src/curl "$out/bin/curl"
    installFile 0644 lib/.libs/libcurl.a "$out/lib/libcurl.a"
    mkdir -p "$out/include/curl"
    cp include/curl/*.h "$out/include/curl/"
    runHook postInstall
  '';

  meta = lib.packageMeta sources.curl {
    description = "Transfers by URL, as a program and a library";
    homepage = "https://curl.se";
    cpe.vendor = "haxx";
    mainProgram = "curl";
  };
}
