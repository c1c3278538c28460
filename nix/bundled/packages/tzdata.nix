{
  lib,
  stdenvNoCC,
  sources,
}:

stdenvNoCC.mkDerivation {
  inherit (sources.tzdata) pname version src;

  dontBuild = true;
  sourceRoot = "tzdata";
  installPhase = ''
    runHook preInstall
    find zoneinfo -name '*.py' -exec rm {} +
    mkdir -p "$out/share"
    cp -R zoneinfo "$out/share/zoneinfo"
    runHook postInstall
  '';

  meta = lib.packageMeta sources.tzdata {
    description = "Time zones of the world, compiled";
    homepage = "https://www.iana.org/time-zones";
    cpe.vendor = "iana";
    purl = "pkg:pypi/tzdata";
  };
}
