{
  lib,
  stdenv,
  buildPackages,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.jq) pname version src;
  nativeBuildInputs = [ buildPackages.gnumake ];

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
