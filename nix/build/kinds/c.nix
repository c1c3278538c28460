# kind = "c": a C program, by the project's Makefile or by compiling its sources directly.
{
  lib,
  pkgs,
  source,
  app,
  build,
}:

let
  common = {
    pname = app.name;
    version = app.version;
    src = builtins.path {
      path = source + build.src;
      name = "${app.name}-source";
    };
    buildInputs = map (lib.packages.get pkgs) build.packages;
    appCflags = build.cflags;
    appLdflags = build.ldflags;
    meta.mainProgram = build.program;
  };

  byMake = common // {
    nativeBuildInputs = [ pkgs.buildPackages.gnumake ];
    makeFlags = [ "PREFIX=$(out)" "prefix=$(out)" ];
    buildPhase = ''
      runHook preBuild
      make -j"$NIX_BUILD_CORES" CC="$CC" AR="$AR" PREFIX="$out" prefix="$out" \
        ''${appCflags:+CFLAGS="$appCflags"} ''${appLdflags:+LDFLAGS="$appLdflags"} ${toString build.makeTargets}
      runHook postBuild
    '';
    installPhase = ''
      runHook preInstall
      make install CC="$CC" AR="$AR" PREFIX="$out" prefix="$out"
      runHook postInstall
    '';
  };

  direct = common // {
    appSources = build.sources;
    appProgram = build.program;
    dontConfigure = true;
    buildPhase = ''
      runHook preBuild
      $CC $appCflags -o "$appProgram" $appSources $appLdflags
      runHook postBuild
    '';
    installPhase = ''
      runHook preInstall
      mkdir -p "$out/bin"
      cp "$appProgram" "$out/bin/$appProgram"
      runHook postInstall
    '';
  };
in
pkgs.stdenv.mkDerivation (if build.system == "make" then byMake else direct)
