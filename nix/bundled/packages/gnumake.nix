{
  lib,
  stdenv,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.gnumake) pname version src;

  # The tarball has no manual, but its configure wants to make the folder's Makefile.
  postPatch = ''
    mkdir -p doc
    touch doc/Makefile.in
  '';
  configureFlags = [
    "--disable-nls"
    "--without-guile"
  ]
  # What configure finds out by running programs where it can.
  ++ lib.optionals (stdenv.hostPlatform.system != stdenv.buildPlatform.system) [
    "ac_cv_func_gettimeofday=yes"
    "ac_cv_func_fork_works=yes"
    "ac_cv_func_strcoll_works=yes"
    "make_cv_synchronous_posix_spawn=yes"
  ];
  CFLAGS = "-O2";
  # make's own way to be built where there is no make.
  buildPhase = ''
    runHook preBuild
    "$shell" ./build.sh
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    installFile 0755 make "$out/bin/make"
    runHook postInstall
  '';

  meta = lib.packageMeta sources.gnumake {
    description = "Builds what changed, by rules";
    homepage = "https://www.gnu.org/software/make/";
    cpe = {
      vendor = "gnu";
      product = "make";
    };
    mainProgram = "make";
  };
}
