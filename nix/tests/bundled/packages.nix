# Each package, run.
pkgs:
let
  inherit (pkgs) runCommand stdenv;

  run =
    name: script:
    runCommand "test-${name}" { } ''
      . ${./expect.sh}
      ${script}
      touch "$out"
    '';

  # A C program, compiled against `inputs` and run with its own exit code as verdict.
  runProgram =
    name: source: inputs: libraries:
    stdenv.mkDerivation {
      name = "test-${name}";
      buildInputs = inputs;
      dontUnpack = true;
      buildPhase = "$CC -Wall -Werror -O2 -o program ${source} ${libraries}";
      installPhase = ''
        ./program
        touch "$out"
      '';
    };
in
{
  bash = run "bash" ''
    expect "2 b=x" "$(${pkgs.bash}/bin/bash -c 'declare -A m=([b]=x); a=(1 2); echo "''${a[1]} b=''${m[b]}"')"
    expect "5.2" "$(${pkgs.bash}/bin/sh -c 'echo ''${BASH_VERSION%.*}')"
    expect "1" "$(${pkgs.bash}/bin/bash -c 'shopt -s lastpipe; true | false; echo $?')"
  '';

  bashNonInteractive = run "bash-non-interactive" ''
    bash=${pkgs.bashNonInteractive}/bin/bash
    expect "2 b=x" "$("$bash" -c 'declare -A m=([b]=x); a=(1 2); echo "''${a[1]} b=''${m[b]}"')"
    expect "line" "$(echo line | "$bash" -c 'read -r text; echo "$text"')"
    expect "none" "$("$bash" -c 'type -t compgen || echo none')"
    expect "builtin" "$(${pkgs.bash}/bin/bash -c 'type -t compgen')"
    [ "$(stat -c %s "$bash")" -lt "$(($(stat -c %s ${pkgs.bash}/bin/bash) * 4 / 5))" ]
  '';

  busybox = run "busybox" ''
    export PATH=${pkgs.busybox}/bin
    expect "a c" "$(printf 'b 2\nc 3\na 1\n' | sort | awk '$2 != 2 { printf sep $1; sep = " " }')"
    expect "hello" "$(echo hello | gzip | gunzip)"
    mkdir tree; echo 1 > tree/file
    tar cf tree.tar tree; rm -r tree; tar xf tree.tar
    expect 1 "$(cat tree/file)"
    expect "b1946ac92492d2347c6235b4d2611184" "$(echo hello | md5sum | cut -d ' ' -f 1)"
    # why not through grep -q: it stops reading, and with pipefail its writer's end is a failure.
    expectContains "Listen for incoming HTTP" "$(httpd --help 2>&1)"
    expect yes "$(sh -c '[ -n "$PATH" ] && echo yes')"
  '';

  cacert = run "cacert" ''
    bundle=${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt
    count=$(grep -c -e '-----BEGIN CERTIFICATE-----' "$bundle")
    [ "$count" -gt 100 ]
    expect "$count" "$(grep -c -e '-----END CERTIFICATE-----' "$bundle")"
  '';

  curl = run "curl" ''
    echo content > file
    expect content "$(${pkgs.curl}/bin/curl -sS "file://$PWD/file")"
    version=$(${pkgs.curl}/bin/curl --version)
    expectContains "mbedTLS/" "$version"
    expectContains "zlib/" "$version"
    expectContains " https " "$version"
  '';

  curl-fetches-over-http = run "curl-http" ''
    mkdir www; echo page > www/index.html
    ${pkgs.busybox}/bin/busybox httpd -f -p 127.0.0.1:8080 -h www &
    server=$!
    curl() { ${pkgs.curl}/bin/curl -sS --retry 20 --retry-delay 1 --retry-connrefused "$@"; }
    expect page "$(curl http://127.0.0.1:8080/)"
    # The certificates come from SSL_CERT_FILE, else from where images have them.
    export SSL_CERT_FILE="$PWD/absent"
    expectFailure "$PWD/absent" curl https://127.0.0.1:8080/
    unset SSL_CERT_FILE
    expectFailure "/etc/ssl/certs/ca-bundle.crt" curl https://127.0.0.1:8080/
    kill "$server"
  '';

  libcurl = runProgram "libcurl" ./programs/curl.c [ pkgs.curl ] "-lcurl -lmbedtls -lmbedx509 -lmbedcrypto -lz -lpthread";

  gnumake = run "gnumake" ''
    printf 'all: one\n\t@echo built $^ with $(words $(LIST)) words\nLIST := $(shell echo a b)\none:\n\t@touch $@\n' > Makefile
    expect "built one with 2 words" "$(${pkgs.gnumake}/bin/make -s SHELL="$SHELL")"
  '';

  jq = run "jq" ''
    expect '{"n":3,"m":["x1"]}' "$(echo '{"a":[1,2,"x1"]}' \
      | ${pkgs.jq}/bin/jq -c '{n: (.a | length), m: [.a[] | strings | select(test("^x[0-9]$"))]}')"
  '';

  lua = run "lua" ''
    expect "5.4 6 b" "$(${pkgs.lua}/bin/lua -e 'print(_VERSION:match("[%d.]+"), 2 * 3, ("abc"):sub(2, 2))' | tr '\t' ' ')"
    echo 'print("compiled")' > script.lua
    ${pkgs.lua}/bin/luac -o script.out script.lua
    expect compiled "$(${pkgs.lua}/bin/lua script.out)"
  '';

  # Two libraries at once, found through buildInputs alone.
  lua-and-sqlite = runProgram "lua-and-sqlite" ./programs/lua-sqlite.c [
    pkgs.lua
    pkgs.sqlite
  ] "-llua -lsqlite3 -lm -lpthread";

  mbedtls = runProgram "mbedtls" ./programs/mbedtls.c [ pkgs.mbedtls ] "-lmbedtls -lmbedx509 -lmbedcrypto";

  pigz = run "pigz" ''
    seq 1 200000 > data
    ${pkgs.pigz}/bin/pigz -k -p 2 data
    gunzip -c data.gz | cmp - data
    ${pkgs.pigz}/bin/unpigz -c data.gz | cmp - data
  '';

  sqlite = run "sqlite" ''
    query() { ${pkgs.sqlite}/bin/sqlite3 "$@"; }
    expect "ab|2" "$(query file.db "create table t(s, n); insert into t values ('ab', 2); select * from t;")"
    expect "ab" "$(query file.db "select s from t where n > 1")"
    expect '[1,2]|3.0' "$(query :memory: "select json('[1, 2]'), sqrt(9)")"
    expect "fox" "$(query :memory: "create virtual table d using fts5(t); insert into d values ('fox'); select t from d('fox')")"
  '';

  tzdata = run "tzdata" ''
    zones=${pkgs.tzdata}/share/zoneinfo
    for zone in Europe/Paris America/New_York UTC; do expect TZif "$(head -c 4 "$zones/$zone")"; done
    [ -f "$zones/zone1970.tab" ]
    expect "" "$(find "$zones" -name '*.py')"
    # Noon in Paris in summer, by libc.
    expect "14:00" "$(TZDIR=$zones TZ=:$zones/Europe/Paris ${pkgs.busybox}/bin/busybox date -d @1751371200 +%H:%M)"
  '';

  zlib = runProgram "zlib" ./programs/zlib.c [ pkgs.zlib ] "-lz";

  zstd = run "zstd" ''
    seq 1 200000 > data
    ${pkgs.zstd}/bin/zstd -q -T2 -19 data
    ${pkgs.zstd}/bin/zstd -q -d -c data.zst | cmp - data
    [ "$(wc -c < data.zst)" -lt 400000 ]
    # The number of threads does not show in the result.
    ${pkgs.zstd}/bin/zstd -q -T1 -3 -c data > one
    ${pkgs.zstd}/bin/zstd -q -T4 -3 -c data > four
    cmp one four
  '';
}
