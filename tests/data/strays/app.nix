{ pkgs }:
let
  shell = pkgs.busybox;

  package =
    name:
    pkgs.runCommand name { } ''
      mkdir -p $out/lib
      echo ${name} > $out/lib/data
    '';

  searched = package "searched-1.0";
  debugged = package "debugged-1.0";
  linked = package "linked-1.0";
  tabled = package "tabled-1.0";
  set = package "set-1.0";
  compiled = package "compiled-1.0";
  configured = package "configured-1.0";
  packed = package "packed-1.0";
  included = package "included-1.0";
  archived = package "archived-1.0";
  named = package "named-1.0";
  noted = package "noted-1.0";

  # An ELF file of 64 bits for the machine of the shell, with the two strings where linkers and
  # compilers put them. Its parts follow each other as they stand in `sections`.
  program =
    { runpath, debug }:
    let
      modulo = number: by: number - (number / by) * by;
      octal = byte: "\\${toString (byte / 64)}${toString (modulo (byte / 8) 8)}${toString (modulo byte 8)}";
      little = size: number: if size == 0 then "" else octal (modulo number 256) + little (size - 1) (number / 256);
      names = [ "" ".dynamic" ".dynstr" ".debug_str" ".shstrtab" ];
      name_at = name: if name == "" then 0 else 1 + offset name (builtins.tail names);
      offset = name: left: if builtins.head left == name then 0 else builtins.stringLength (builtins.head left) + 1 + offset name (builtins.tail left);
      length = text: builtins.stringLength text + 1;
      dynamic_at = 64;
      dynstr_at = dynamic_at + 32;
      debug_at = dynstr_at + 1 + length runpath;
      names_at = debug_at + length debug;
      names_bytes = name_at ".shstrtab" + length ".shstrtab";
      table_at = names_at + names_bytes;
      section =
        name: kind: at: size: link:
        "${little 4 (name_at name)}${little 4 kind}${little 16 0}${little 8 at}${little 8 size}${little 4 link}${little 20 0}";
    in
    ''
      head -c 20 ${shell}/bin/busybox
      printf '${little 4 1}${little 16 0}${little 8 table_at}${little 4 0}${little 2 64}${little 4 0}${little 2 64}${little 2 5}${little 2 4}'
      printf '${little 8 29}${little 8 1}${little 16 0}'
      printf '\000%s\000' '${runpath}'
      printf '%s\000' '${debug}'
      printf '\000.dynamic\000.dynstr\000.debug_str\000.shstrtab\000'
      printf '${section "" 0 0 0 0}'
      printf '${section ".dynamic" 6 dynamic_at 32 2}'
      printf '${section ".dynstr" 3 dynstr_at (1 + length runpath) 0}'
      printf '${section ".debug_str" 1 debug_at (length debug) 0}'
      printf '${section ".shstrtab" 3 names_at names_bytes 0}'
    '';
in
pkgs.runCommand "strays-1.0.0" { } ''
  mkdir -p $out/bin $out/etc $out/include $out/lib/cmake/strays $out/lib/python3.13/__pycache__
  mkdir -p $out/share/man/man1
  printf '#!%s\necho strays\n' ${shell}/bin/sh > $out/bin/strays
  chmod +x $out/bin/strays
  {
  ${program {
    runpath = "${searched}/lib";
    debug = "${debugged}/src/main.c";
  }}
  } > $out/lib/libstrays.so
  ln -s ${linked}/lib/data $out/lib/linked
  printf 'table\000%s\000' ${tabled}/lib/data > $out/share/table.db
  echo 'path = ${set}/lib/data' > $out/etc/strays.conf
  printf 'code\000%s' ${compiled}/lib/data > $out/lib/python3.13/__pycache__/strays.cpython-313.pyc
  echo 'set(CONFIGURED ${configured})' > $out/lib/cmake/strays/strays-config.cmake
  echo '#define WHERE "${included}/lib"' > $out/include/strays.h
  printf '!<arch>\nstrays.o/\n%s' ${archived}/lib/data > $out/lib/libstrays.a
  touch $out/lib/python3.13/$(basename ${named})
  echo 'see ${noted}' > $out/share/man/man1/strays.1
  echo ${packed}/lib/data | gzip -9n > $out/share/packed.gz
''
