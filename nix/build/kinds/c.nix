# kind = "c": a C program, by the project's Makefile or by compiling its sources directly.
{
  lib,
  pkgs,
  source,
  app,
  build,
}:

let
  inherit (lib.names) storeName;
  inherit (lib.shell) arguments makeVariable quote;
  program = quote build.program;
  variable = name: words: if words == [ ] then "" else makeVariable name words;

  common = {
    pname = storeName app.name;
    version = storeName app.version;
    src = builtins.path {
      path = source + build.src;
      name = storeName "${app.name}-source";
    };
    buildInputs = map (lib.packages.get pkgs) build.packages;
    meta.mainProgram = build.program;
  }
  // (if pkgs ? nixgen then { } else { inherit stripAllList; });

  # Where nixpkgs takes out the symbols, too, and not debug information alone: a static program may
  # be symbols for the most part. The bundled set's compiler leaves neither in.
  # https://nixos.org/manual/nixpkgs/stable/#ssec-fixup-phase
  stripAllList = [
    "bin"
    "libexec"
    "sbin"
  ];

  # why SHELL: there is no /bin/sh where this runs.
  make = ''
    make SHELL="$SHELL" CC="$CC" AR="$AR" PREFIX="$out" prefix="$out" \
      ${variable "CFLAGS" build.cflags} ${variable "LDFLAGS" build.ldflags}'';

  checkInstalled = ''
    if ! [ -e "$out" ]; then
      echo "error: make-targets installed nothing: one of them has to install into PREFIX" >&2
      exit 1
    fi'';

  byMake = common // {
    nativeBuildInputs = [ pkgs.buildPackages.gnumake ];
    buildPhase = ''
      runHook preBuild
      ${make} -j"$NIX_BUILD_CORES" ${arguments build.makeTargets}
      runHook postBuild
    '';
    # Targets that the description names are all that is made; one of them installs.
    installPhase = ''
      runHook preInstall
      ${if build.makeTargets == [ ] then "${make} install" else checkInstalled}
      runHook postInstall
    '';
  };

  direct = common // {
    dontConfigure = true;
    buildPhase = ''
      runHook preBuild
      $CC ${arguments build.cflags} -o ${program} ${arguments build.sources} ${arguments build.ldflags}
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
