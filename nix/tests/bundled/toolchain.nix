# The compiler and its sysroots.
pkgs:
let
  inherit (pkgs) lib runCommand;

  compile =
    set: name: extra: script:
    set.stdenv.mkDerivation (
      {
        name = "test-${name}";
        dontUnpack = true;
        buildPhase = ''
          . ${./expect.sh}
          ${script}
        '';
        installPhase = ''
          mkdir -p "$out"
          [ ! -f hello ] || cp hello "$out/"
        '';
      }
      // extra
    );

  # e_machine of an ELF header, as od prints it.
  machines = {
    x86_64-linux = "003e";
    aarch64-linux = "00b7";
    armv6l-linux = "0028";
    armv7l-linux = "0028";
    i686-linux = "0003";
    riscv64-linux = "00f3";
  };
  crossName = {
    x86_64-linux = "musl64";
    aarch64-linux = "aarch64-multiplatform";
    armv6l-linux = "raspberryPi";
    armv7l-linux = "armv7l-hf-multiplatform";
    i686-linux = "gnu32";
    riscv64-linux = "riscv64";
  };

  hellos = lib.mapAttrs' (
    system: machine:
    lib.nameValuePair "hello-for-${system}" (
      compile pkgs.pkgsCross.${crossName.${system}} "hello-${system}" { } ''
        $CC -Wall -Werror -O2 -o hello ${./programs/hello.c} -lm -lpthread
        expect "${machine}" "$(od -A n -t x2 -j 18 -N 2 hello | tr -d ' ')"
      ''
    )
  ) machines;

  hellosCxx = lib.mapAttrs' (
    system: machine:
    lib.nameValuePair "hello-cxx-for-${system}" (
      compile pkgs.pkgsCross.${crossName.${system}} "hello-cxx-${system}" { useCxx = true; } ''
        $CXX -O2 -o hello ${./programs/hello.cc}
        expect "${machine}" "$(od -A n -t x2 -j 18 -N 2 hello | tr -d ' ')"
      ''
    )
  ) (removeAttrs machines [ "armv6l-linux" "i686-linux" ]);
in
hellos
// hellosCxx
// {
  hello-runs = compile pkgs "hello-runs" { } ''
    $CC -Wall -Werror -O2 -o hello ${./programs/hello.c} -lm -lpthread
    expectContains "hello.c" "$(./hello)"
    $CC -O2 -static -no-pie -o fixed ${./programs/hello.c} -lm
    expectContains "hello.c" "$(./fixed)"
  '';

  hello-cxx-runs = compile pkgs "hello-cxx-runs" { useCxx = true; } ''
    $CXX -O2 -o hello ${./programs/hello.cc}
    expect "caught 13 bye" "$(./hello | tr '\n' ' ' | sed 's/ $//')"
  '';

  hello-is-small = compile pkgs "hello-is-small" { } ''
    echo 'int main(void) { return 0; }' > small.c
    $CC -Os -o hello small.c
    [ "$(wc -c < hello)" -lt 10000 ]
  '';

  # The same source in another folder, with debug flags that name folders: the same bytes.
  program-does-not-depend-on-its-folder = compile pkgs "folders" { } ''
    for folder in one two; do
      mkdir "$folder"
      cp ${./programs/hello.c} "$folder/hello.c"
      (cd "$folder" && $CC -g -O2 -o hello hello.c -lm)
    done
    cmp one/hello two/hello
  '';

  no-cxx-without-asking = compile pkgs "no-cxx" { } ''
    expect "" "''${CXX-}"
    ! command -v c++
  '';

  preprocessor-and-dependencies = compile pkgs "preprocessor" { } ''
    expect "__linux__ 1" "$(echo | $CC -dM -E - | sed -n 's/#define \(__linux__ 1\)/\1/p')"
    $CC -MD -c ${./programs/hello.c} -o hello.o
    expectContains "stdio.h" "$(cat hello.d)"
    $AR rc libhello.a hello.o
    $RANLIB libhello.a
    $CC -r -o joined.o hello.o
    $CC -o hello joined.o -lm
  '';

  sysroot-is-plain-files = runCommand "test-sysroot" { sysroot = pkgs.toolchain.sysroot; } ''
    for file in include/stdio.h include/linux/fs.h lib/libc.a lib/crt1.o lib/rcrt1.o lib/libm.a; do
      [ -f "$sysroot/$file" ]
    done
    [ "$(ls "$sysroot" | tr '\n' ' ')" = "include lib resource " ]
    touch "$out"
  '';
}
