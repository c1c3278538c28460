# mkDerivation, as far as it promises to behave like nixpkgs'.
pkgs:
let
  inherit (pkgs) lib runCommand stdenv;

  source = runCommand "source-1.0" { } ''
    mkdir -p "$out/tool"
    cd "$out/tool"
    printf '#!/bin/sh\necho "made @what@ with $1"\n' > make-it.sh
    printf '#!/usr/bin/env bash\nexit 0\n' > env.sh
    chmod 755 make-it.sh env.sh
    echo 'old line' > data
  '';

  check =
    name: package: script:
    runCommand "test-${name}" { inherit package; } ''
      . ${./expect.sh}
      ${script}
      touch "$out"
    '';

  phases = stdenv.mkDerivation {
    pname = "phases";
    version = "1";
    src = source;
    sourceRoot = "source-1.0/tool";
    patches = [ ./programs/data.patch ];
    preUnpack = "order=unpack";
    postPatch = ''
      order="$order patch"
      substituteInPlace make-it.sh --replace-fail '@what@' '&/\things'
    '';
    preConfigure = ''order="$order configure"'';
    buildPhase = ''
      runHook preBuild
      order="$order build"
      ./env.sh
      ./make-it.sh ease > made
      runHook postBuild
    '';
    postBuild = ''order="$order built"'';
    doCheck = true;
    checkPhase = ''order="$order check"'';
    installPhase = ''
      runHook preInstall
      mkdir -p "$out/bin"
      cp made data "$out/"
      cp make-it.sh "$out/bin/"
      runHook postInstall
    '';
    preFixup = ''echo "$order" > "$out/order"'';
    postFixup = "touch $out/fixed";
  };

  makefileProject = runCommand "project" { } ''
    mkdir "$out"
    printf 'all:\n\t@echo "$(WHAT)" > result\ncheck:\n\tgrep -q yes result\ninstall:\n\tmkdir -p $(PREFIX)\n\tcp result $(PREFIX)/\n' > "$out/Makefile"
  '';

  library = stdenv.mkDerivation {
    pname = "library";
    version = "1";
    outputs = [
      "out"
      "dev"
    ];
    dontUnpack = true;
    buildPhase = ''
      echo '#include <assert.h>' > library.h
      echo 'static inline int seven(int x) { assert(x); return 7; }' >> library.h
      echo 'int eight(void) { return 8; }' > library.c
      $CC -c library.c -o library.o
      makeArchive liblibrary.a library.o
    '';
    installPhase = ''
      installFile 0644 library.h "$out/include/library.h"
      installFile 0644 liblibrary.a "$out/lib/liblibrary.a"
      installFile 0644 library.c "$out/share/library.c"
    '';
  };
  user = stdenv.mkDerivation {
    pname = "user";
    version = "1";
    buildInputs = [ library ];
    dontUnpack = true;
    buildPhase = ''
      printf '#include <library.h>\nint eight(void);\nint main(void) { return seven(1) + eight() == 15 ? 0 : 1; }\n' > user.c
      $CC -o user user.c -llibrary
      ./user
    '';
    installPhase = ''installFile 0755 user "$out/bin/user"'';
  };

  final = stdenv.mkDerivation (self: {
    pname = "final";
    version = "1";
    dontUnpack = true;
    installPhase = ''echo "${self.version}" > "$out"'';
  });
in
{
  phases-run-in-order-with-their-hooks = check "phases" phases ''
    expect "unpack patch configure build built check" "$(cat "$package/order")"
    expect 'made &/\things with ease' "$(cat "$package/made")"
    expect "new line" "$(cat "$package/data")"
    [ -e "$package/fixed" ]
  '';

  # In the build scripts start with the build's shell; in an output they must not name it.
  shebangs-of-outputs-name-no-build-tool = check "shebangs" phases ''
    expect "#!/bin/sh" "$(sed -n 1p "$package/bin/make-it.sh")"
  '';

  make-gets-its-flags =
    check "make"
      (stdenv.mkDerivation {
        pname = "made";
        version = "1";
        src = makefileProject;
        nativeBuildInputs = [ pkgs.buildPackages.gnumake ];
        makeFlags = [ "WHAT=yes" ];
        installFlags = [ "PREFIX=$(out)/share" ];
        doCheck = true;
      })
      ''
        expect yes "$(cat "$package/share/result")"
      '';

  development-files-go-to-dev = check "outputs" library ''
    dev=${library.dev}
    [ -f "$dev/include/library.h" ] && [ -f "$dev/lib/liblibrary.a" ]
    [ ! -e "$package/include" ] && [ ! -e "$package/lib" ] && [ -f "$package/share/library.c" ]
  '';

  inputs-reach-the-compiler-and-leave-no-trace =
    pkgs.stdenvNoCC.mkDerivation {
      name = "test-inputs";
      exportReferencesGraph = [
        "graph"
        user
      ];
      buildCommand = ''
        awk -f ${../../bundled/build-support/closure-paths.awk} graph > paths
        [ "$(cat paths)" = "${user}" ] || { cat paths >&2; exit 1; }
        touch "$out"
      '';
    };

  attributes-can-be-overridden = runCommand "test-override" { } ''
    . ${./expect.sh}
    expect 1 "$(cat ${final})"
    expect 2 "$(cat ${final.overrideAttrs { version = "2"; }})"
    expect 1-3 "$(cat ${final.overrideAttrs (old: { version = "${old.version}-3"; })})"
    expect "final-1" "${final.name}"
    touch "$out"
  '';

  environment-is-set = runCommand "test-environment" {
    list = [
      "a"
      "b"
    ];
    yes = true;
    no = false;
    env.extra = "e";
  } ''
    . ${./expect.sh}
    expect "a b|1||e" "$list|$yes|$no|$extra"
    expect "$SHELL" "$CONFIG_SHELL"
    touch "$out"
  '';

  names-are-the-same-for-every-platform =
    let
      name = pkgs.pkgsCross.riscv64.zlib.name;
    in
    if name == pkgs.zlib.name then pkgs.writeText "test-names" "ok" else throw name;

  lib-has-the-common-functions =
    let
      results = {
        hasInfix = lib.hasInfix "b.c" "ab.cd" && !(lib.hasInfix "b.c" "abxcd");
        splitString = lib.splitString "." "a.b" == [ "a" "b" ];
        removeSuffix = lib.removeSuffix ".c" "x.c" == "x";
        escapeShellArg = lib.escapeShellArg "it's" == "'it'\\''s'";
        getExe = lib.hasSuffix "/bin/lua" (lib.getExe pkgs.lua);
        makeBinPath = lib.hasSuffix "/bin" (lib.makeBinPath [ pkgs.lua ]);
        optional = lib.optional false 1 == [ ];
        recursiveUpdate = (lib.recursiveUpdate { a.b = 1; } { a.c = 2; }).a == { b = 1; c = 2; };
        versionOlder = lib.versionOlder "1.9" "1.10";
      };
      wrong = lib.attrNames (lib.filterAttrs (_: ok: !ok) results);
    in
    if wrong == [ ] then pkgs.writeText "test-lib" "ok" else throw (toString wrong);
}
