{
  lib,
  stdenv,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.sqlite) pname version src;
  outputs = [
    "out"
    "dev"
  ];

  dontConfigure = true;
  features = lib.concatMapStringsSep " " (name: "-DSQLITE_${name}") [
    "ENABLE_COLUMN_METADATA"
    "ENABLE_DBSTAT_VTAB"
    "ENABLE_FTS3"
    "ENABLE_FTS3_PARENTHESIS"
    "ENABLE_FTS4"
    "ENABLE_FTS5"
    "ENABLE_GEOPOLY"
    "ENABLE_MATH_FUNCTIONS"
    "ENABLE_RTREE"
    "ENABLE_STAT4"
    "ENABLE_UNLOCK_NOTIFY"
    "MAX_VARIABLE_NUMBER=250000"
    # A static program can't load code.
    "OMIT_LOAD_EXTENSION"
    "SECURE_DELETE"
    "SOUNDEX"
    "THREADSAFE=1"
  ];
  buildPhase = ''
    runHook preBuild
    compileObjects objects "-O2 $features -DHAVE_USLEEP -DHAVE_READLINE=0" sqlite3.c shell.c
    makeArchive libsqlite3.a objects/sqlite3.o
    $CC -o sqlite3 objects/shell.o libsqlite3.a -lm -lpthread
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    installFile 0755 sqlite3 "$out/bin/sqlite3"
    installFile 0644 libsqlite3.a "$out/lib/libsqlite3.a"
    for header in sqlite3.h sqlite3ext.h; do installFile 0644 "$header" "$out/include/$header"; done
    runHook postInstall
  '';

  meta = lib.packageMeta sources.sqlite {
    description = "SQL database in a library and a file";
    homepage = "https://www.sqlite.org";
    cpe.vendor = "sqlite";
    mainProgram = "sqlite3";
  };
}
