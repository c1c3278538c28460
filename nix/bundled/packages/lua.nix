{
  lib,
  stdenv,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.lua) pname version src;
  outputs = [
    "out"
    "dev"
  ];

  dontConfigure = true;
  buildPhase = ''
    runHook preBuild
    compileObjects objects "-O2 -std=gnu99 -DLUA_COMPAT_5_3 -DLUA_USE_POSIX" src/*.c
    mkdir programs
    mv objects/src_lua.o objects/src_luac.o programs/
    makeArchive liblua.a objects/*.o
    for name in lua luac; do $CC -o "$name" "programs/src_$name.o" liblua.a -lm; done
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    for name in lua luac; do installFile 0755 "$name" "$out/bin/$name"; done
    installFile 0644 liblua.a "$out/lib/liblua.a"
    ln -s liblua.a "$out/lib/liblua5.4.a"
    for header in lua.h luaconf.h lualib.h lauxlib.h lua.hpp; do
      installFile 0644 "src/$header" "$out/include/$header"
    done
    runHook postInstall
  '';

  passthru.luaversion = "5.4";
  meta = lib.packageMeta sources.lua {
    description = "Small scripting language made to be embedded";
    homepage = "https://www.lua.org";
    cpe.vendor = "lua";
    mainProgram = "lua";
  };
}
