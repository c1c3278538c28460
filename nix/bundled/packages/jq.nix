{
  lib,
  stdenv,
  buildPackages,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.jq) pname version src;
  nativeBuildInputs = [ buildPackages.gnumake ];

  # What `jq --build-configuration` says: how configure was called, with paths and platforms, unless
  # it is there already.
  postPatch = ''
    echo '#define JQ_CONFIG "--with-oniguruma=builtin --disable-docs"' > src/config_opts.inc
  '';
  configureFlags = [
    # The release brings the regular expression library that it was tested with.
    "--with-oniguruma=builtin"
    "--disable-docs"
    "--disable-maintainer-mode"
  ];
  CFLAGS = "-O2";

  installPhase = ''
    runHook preInstall
    installFile 0755 jq "$out/bin/jq"
    runHook postInstall
  '';

  meta = lib.packageMeta sources.jq {
    description = "Filters and transforms JSON";
    homepage = "https://jqlang.org";
    cpe.vendor = "jqlang";
    mainProgram = "jq";
  };
}
