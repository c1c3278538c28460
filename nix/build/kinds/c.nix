# kind = "c": a C program, by the project's Makefile or by compiling its sources directly.
{
  lib,
  pkgs,
  source,
  app,
  build,
}:

let
  inherit (lib.shell) arguments quote;
  program = quote build.program;
  variable = name: words: if words == [ ] then "" else quote "${name}=${toString words}";

  common = {
    pname = app.name;
    version = app.version;
    src = builtins.path {
      path = source + build.src;
      name = "${app.name}-source";
    };
    buildInputs = map (lib.packages.get pkgs) build.packages;
    meta.mainProgram = build.program;
  };

  byMake = common // {
    nativeBuildInputs = [ pkgs.buildPackages.gnumake ];
    makeFlags = [ "PREFIX=$(out)" "prefix=$(out)" ];
    buildPhase = ''
      runHook preBuild
      make -j"$NIX_BUILD_CORES" CC="$CC" AR="$AR" PREFIX="$out" prefix="$out" \
        ${variable "CFLAGS" build.cflags} ${variable "LDFLAGS" build.ldflags} ${arguments build.makeTargets}
      runHook postBuild
    '';
    installPhase = ''
      runHook preInstall
      make install CC="$CC" AR="$AR" PREFIX="$out" prefix="$out"
      runHook postInstall
    '';
  };

  direct = common // {
    dontConfigure = true;
    buildPhase = ''
      runHook preBuild
      $CC ${arguments build.cflags} -o ${program} ${toString build.sources} ${arguments build.ldflags}
      runHook postBuild
    '';
    installPhase = ''
      runHook preInstall
      mkdir -p "$out/bin"
      cp ${program} "$out/bin/"${program}
      runHook postInstall
    '';
  };
in
pkgs.stdenv.mkDerivation (if build.system == "make" then byMake else direct)
