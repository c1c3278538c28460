{ pkgs }:
let
  # A package that takes room: its name and `kilobytes` of dots in lib/, and what `script` makes.
  heavy =
    name: kilobytes: script:
    pkgs.runCommand name { } ''
      mkdir -p $out/lib
      { echo ${name}; head -c ${toString (kilobytes * 1024)} /dev/zero | tr '\0' .; } > $out/lib/data
      ${script}
    '';

  shell = pkgs.busybox;
  compiler = heavy "gcc-13.2.0" 600 "";
  headers = heavy "zlib-1.3-dev" 200 "ln -s ${compiler}/lib/data $out/lib/compiler";
  terminal = heavy "ncurses-6.4" 200 "";
  markup = heavy "docbook-4.5" 200 "";
  crypto = heavy "openssl-3.0.13-dev" 200 "";
  perl = heavy "perl-5.38.2" 200 "";
  library = heavy "library-2.1" 100 ''
    mkdir -p $out/share/man/man3 $out/nix-support $out/include
    echo "see ${markup}" > $out/share/man/man3/library.3
    echo ${headers} > $out/nix-support/propagated-build-inputs
    echo '// ${terminal}' > $out/include/library.h
  '';
in
pkgs.runCommand "planted-1.0.0" { } ''
  mkdir -p $out/bin $out/lib/pkgconfig $out/lib/python3.13 $out/share/doc/planted
  cat > $out/bin/planted <<'SCRIPT'
  #!${shell}/bin/sh
  read -r first < ${library}/lib/data
  echo "planted on $first"
  SCRIPT
  chmod +x $out/bin/planted
  echo 'libdir=${terminal}/lib' > $out/lib/libplanted.la
  echo 'Requires: ${crypto}' > $out/lib/pkgconfig/planted.pc
  echo "CC = '${compiler}/bin/gcc'" > $out/lib/python3.13/_sysconfigdata__linux_.py
  echo 'made by ${perl}' > $out/share/doc/planted/README
''
