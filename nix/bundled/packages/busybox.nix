{
  lib,
  stdenv,
  buildPackages,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.busybox) pname version src;
  nativeBuildInputs = [ buildPackages.gnumake ];
  depsBuildBuild = [ buildPackages.stdenv.cc ];

  # Changes to the default configuration: name=y, or name=n.
  settings = [
    "STATIC=y"
    "PIE=n"
    # needs kernel structures that are gone
    "TC=n"
    # x86 assembly that assumes a position-dependent program
    "SHA1_HWACCEL=n"
    "SHA256_HWACCEL=n"
    "INSTALL_NO_USR=y"
  ];
  # The time of the build would be in the banner.
  KCONFIG_NOTIMESTAMP = "1";

  # A helper of the build lists left-over files through popen, which wants /bin/sh. A fresh tree has none.
  # Scripts that are applets go into the program compressed, where nobody would see a path of the build.
  postPatch = ''
    sed -i '1s|^#!.*|#!/bin/sh|' applets_sh/*
    sed -i -e 's/popen([^;]*);/fopen("\/dev\/null", "r");/' -e 's/pclose(/fclose(/' scripts/basic/split-include.c
  '';
  # BB_GLOBAL_CONST: busybox writes to globals that it declares const, and clang takes the word for it.
  configurePhase = ''
    runHook preConfigure
    busyboxMake() {
      make "SHELL=$shell" "CONFIG_SHELL=$shell" CC="$CC" AR="$AR" HOSTCC="$CC_FOR_BUILD" SKIP_STRIP=y \
        EXTRA_CFLAGS=-DBB_GLOBAL_CONST= "$@"
    }
    busyboxMake defconfig
    for setting in $settings; do
      name=CONFIG_''${setting%=*}
      sed -i "/^$name=/d; /^# $name is not set/d" .config
      case "$setting" in
        *=n) echo "# $name is not set" >> .config ;;
        *) echo "CONFIG_$setting" >> .config ;;
      esac
    done
    # Settings that the changes brought into reach take their defaults.
    yes "" | busyboxMake oldconfig > /dev/null || [ $? -eq 141 ]
    runHook postConfigure
  '';
  buildPhase = ''
    runHook preBuild
    busyboxMake -j"$NIX_BUILD_CORES" busybox busybox.links
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    installFile 0755 busybox "$out/bin/busybox"
    while read -r applet; do
      name=''${applet##*/}
      [ "$name" = busybox ] || ln -s busybox "$out/bin/$name"
    done < busybox.links
    runHook postInstall
  '';

  passthru.shellPath = "/bin/ash";
  meta = lib.packageMeta sources.busybox {
    description = "Small versions of many Unix programs in one";
    homepage = "https://busybox.net";
    cpe.vendor = "busybox";
    mainProgram = "busybox";
  };
}
