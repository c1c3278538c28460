{
  lib,
  stdenvNoCC,
  sources,
}:

stdenvNoCC.mkDerivation {
  inherit (sources.cacert) pname version src;

  dontBuild = true;
  sourceRoot = "certifi";
  installPhase = ''
    runHook preInstall
    installFile 0644 cacert.pem "$out/etc/ssl/certs/ca-bundle.crt"
    runHook postInstall
  '';

  meta = lib.packageMeta sources.cacert {
    description = "Certificates of the authorities that Mozilla trusts";
    homepage = "https://github.com/certifi/python-certifi";
    cpe = {
      vendor = "certifi";
      product = "certifi";
    };
    purl = "pkg:pypi/certifi";
  };
}
