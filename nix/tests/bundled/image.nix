# The image conf, its customisation layer and the assignment of layers.
pkgs:
let
  inherit (pkgs) lib runCommand writeText;
  layerTar = pkgs.callPackage ../../bundled/image/layer-tar.nix { };
  layerSplit = pkgs.callPackage ../../bundled/image/layer-split.nix { };
  formatEntries = import ../../bundled/image/entries.nix { inherit (pkgs) lib writeText; };

  check =
    name: attributes: text:
    runCommand "test-${name}" ({ nativeBuildInputs = [ layerTar layerSplit pkgs.jq ]; } // attributes) ''
      . ${./expect.sh}
      ${text}
      touch "$out"
    '';

  base = writeText "base" "base";
  program = runCommand "program" { } ''
    mkdir -p "$out/bin" "$out/share/program" "$out/etc/program" "$out/nix-support"
    echo "${base}" > "$out/bin/program"
    echo data > "$out/share/program/data"
    echo setting > "$out/etc/program/conf"
    touch "$out/nix-support/hook"
  '';
  named = writeText "named-by-config" "x";
  conf = pkgs.dockerTools.streamLayeredImage {
    name = "Shop";
    tag = "1.4";
    contents = [ program ];
    config = {
      Entrypoint = [ "/bin/program" ];
      Env = [ "NAMED=${named}" ];
    };
    layering.apps = [ program ];
    extraCommands = "mkdir -p opt; echo made > opt/extra; ln -s extra opt/link";
    entries = [
      {
        path = "/etc/passwd";
        text = "shop:x:7:8::/:/bin/false\n";
      }
      {
        path = "/tmp";
        type = "directory";
        mode = "1777";
      }
      {
        path = "/var/lib/shop";
        type = "directory";
        mode = "2755";
        uid = 7;
        gid = 8;
      }
      {
        path = "/sbin/setuid";
        mode = "4755";
        source = writeText "setuid" "s";
      }
      {
        path = "/share/program/link";
        type = "symlink";
        target = "data";
      }
    ];
  };

  # Files as Nix exports graphs; a and b need lib, which needs libc.
  graphOfLibc = ''
    path() { printf '%s\n\n%s\n' "$1" $(($# - 1)); shift; for r; do echo "$r"; done; }
    { path /s/libc; path /s/lib /s/libc; path /s/b /s/lib /s/libc /s/b; path /s/a /s/lib /s/libc; path /s/layer /s/a /s/b; } > graph
  '';
  small =
    layering:
    pkgs.dockerTools.streamLayeredImage {
      name = "small";
      contents = [ program ];
      config.Env = [ "NAMED=${named}" ];
      layering = layering // {
        apps = [ program ];
      };
    };
  based = pkgs.dockerTools.streamLayeredImage {
    name = "based";
    contents = [ program ];
    base.links = [
      {
        path = "/bin";
        target = "/usr/bin";
      }
    ];
  };
  single = small { strategy = "single"; };
  popular = small { strategy = "popularity"; };
in
{
  conf-has-the-fields-of-the-contract = check "conf" { } ''
    get() { jq -r "$1" ${conf}; }
    expect "shop:1.4" "$(get .repo_tag)"
    expect "${pkgs.stdenv.hostPlatform.go.GOARCH} linux null /nix/store" \
      "$(get '"\(.architecture) \(.os) \(.from_image) \(.store_dir)"')"
    expect "1970-01-01T00:00:01Z 1970-01-01T00:00:01Z" "$(get '"\(.created) \(.mtime)"')"
    expect "0 0 root root" "$(get '"\(.uid) \(.gid) \(.uname) \(.gname)"')"
    expect "/bin/program" "$(get '.config.Entrypoint[0]')"
    expect "${conf.customisationLayer}" "$(get .customisation_layer)"
    # Small paths share a layer; the app is in the last one, by itself.
    expect '[["${base}","${named}"],["${program}"]]' "$(jq -c .store_layers ${conf})"
    expect '[["${base}","${named}","${program}"]]' "$(jq -c .store_layers ${single})"
    expect "3 ${program}" "$(jq -r '"\(.store_layers | length) \(.store_layers[-1][])"' ${popular})"
    expect "shop 1.4" "${conf.imageName} ${conf.imageTag}"
    expect "${conf}" "${conf.conf}"
  '';

  customisation-layer-holds-links-and-entries = check "layer" { } ''
    cp ${conf.customisationLayer}/layer.tar layer.tar
    expect "$(sha256sum layer.tar | cut -d ' ' -f 1)" "$(cat ${conf.customisationLayer}/checksum)"
    ${pkgs.busybox}/bin/busybox tar -tvf layer.tar > list
    line() { grep -e " $1\$" list | tr -s ' ' | cut -d ' ' -f 1-3,6-; }
    expect "-rw-r--r-- 0/0 25 ./etc/passwd" "$(line ./etc/passwd)"
    expect "drwxrwxrwt 0/0 0 ./tmp/" "$(line ./tmp/)"
    expect "drwxr-sr-x 7/8 0 ./var/lib/shop/" "$(line ./var/lib/shop/)"
    expect "drwxr-xr-x 0/0 0 ./var/lib/" "$(line ./var/lib/)"
    expect "-rwsr-xr-x 0/0 1 ./sbin/setuid" "$(line ./sbin/setuid)"
    expect "-rw-r--r-- 0/0 5 ./opt/extra" "$(line ./opt/extra)"
    expectContains "./opt/link -> extra" "$(cat list)"
    # Folders under /etc are real, others are one link until something else lies in them.
    expectContains "./etc/program/conf -> ${program}/etc/program/conf" "$(cat list)"
    expectContains "./share/program/data -> ${program}/share/program/data" "$(cat list)"
    expectContains "./share/program/link -> data" "$(cat list)"
    expectContains "./bin/program -> ${program}/bin/program" "$(cat list)"
    expect "" "$(grep nix-support list || true)"
    expect "1970-01-01" "$(tr -s ' ' < list | cut -d ' ' -f 4 | sort -u)"
  '';

  links-of-a-base-stay = check "base" { } ''
    list() { ${pkgs.busybox}/bin/busybox tar -tf "$1" | tr '\n' ' '; }
    mkdir -p one/bin one/lib/x one/share/a/b two/usr/bin same/usr/bin
    touch one/bin/program one/lib/x/y one/share/a/b/c two/usr/bin/other
    touch same/usr/bin/program
    ln -s . one/share/a/self
    printf '/bin\t/usr/bin\n/lib\t/usr/lib\n/usr/lib/x\t/opt/x\n' > links
    printf 'file\t0644\t0\t0\t/usr/bin/own\t%s\n' "$PWD/links" > entries
    layer-tar layer.tar 1 entries --base links one two same
    expect "./ ./opt/ ./opt/x/ ./opt/x/y ./share/ ./share/a/ ./share/a/b/ ./share/a/b/c ./share/a/self ./usr/ ./usr/bin/ ./usr/bin/other ./usr/bin/own ./usr/bin/program ./usr/lib/ " \
      "$(list layer.tar)"
    # Without one, a folder of one package alone is a link.
    : > entries
    layer-tar layer.tar 1 entries one
    expect "./ ./bin/ ./bin/program ./lib/ ./lib/x ./share/ ./share/a " "$(list layer.tar)"

    echo 1 > two/usr/bin/program
    expectFailure "/usr/bin/program is provided by both two and one" \
      layer-tar layer.tar 1 entries --base links one two
    mkdir three; touch three/bin
    expectFailure "/bin of three is no folder" layer-tar layer.tar 1 entries --base links three
    printf '/a\t/b\n/b\t/a\n' > circle
    mkdir -p four/a/x
    expectFailure "lead in a circle" layer-tar layer.tar 1 entries --base circle four
    echo "/bin usr/bin" > bad
    expectFailure "is not two absolute paths" layer-tar layer.tar 1 entries --base bad one
    expectFailure "unknown option --wrong" layer-tar layer.tar 1 entries --wrong links one
    expectContains "./usr/bin/program" "$(list ${based.customisationLayer}/layer.tar)"
  '';

  layer-is-sorted-by-component = check "sorted" { } ''
    mkdir -p p/a p/a-b
    touch p/a/x p/a-b/x p/a.c
    : > entries
    layer-tar layer.tar 1 entries p
    expect "./ ./a/ ./a/x ./a-b/ ./a-b/x ./a.c" "$(${pkgs.busybox}/bin/busybox tar -tf layer.tar | tr '\n' ' ' | sed 's/ $//')"
    expect 0 "$(($(wc -c < layer.tar) % 10240))"
  '';

  long-and-foreign-names-survive = check "long-names" { } ''
    long=$(printf 'x%.0s' $(seq 120))
    mkdir -p "p/é/$long"
    echo deep > "p/é/$long/$long"
    printf 'symlink\t0777\t0\t0\t/link\t/%s%s\n' "$long" "$long" > entries
    printf 'file\t0644\t3000000\t3000001\t/owned\t%s\n' "$PWD/p/é/$long/$long" >> entries
    layer-tar layer.tar 1 entries --copy p
    mkdir unpacked
    ${pkgs.busybox}/bin/busybox tar -xf layer.tar -C unpacked
    expect deep "$(cat "unpacked/é/$long/$long")"
    expect "/$long$long" "$(readlink unpacked/link)"
    expectContains " uid=3000000" "$(tr '\000' '\n' < layer.tar)"
  '';

  collisions-name-the-path-and-both-providers = check "collisions" { } ''
    mkdir -p one/bin two/bin three/bin four
    echo 1 > one/bin/x; echo 2 > two/bin/x; echo 1 > three/bin/x; echo 1 > four/bin
    : > none
    printf 'file\t0644\t0\t0\t/bin/x\t%s\n' "$PWD/one/bin/x" > over
    printf 'directory\t0755\t0\t0\t/bin/x\t\n' > folder
    printf 'file\t0644\t0\t0\t/bin/x/y\t%s\n' "$PWD/one/bin/x" > under
    printf 'directory\t0755\t0\t0\t/d\t\ndirectory\t0700\t0\t0\t/d\t\n' > twice
    expectFailure "/bin/x is provided by both one and two" layer-tar layer.tar 1 none one two
    expectFailure "/bin is provided by both one and four" layer-tar layer.tar 1 none one four
    expectFailure "/bin/x is provided by both one and the description" layer-tar layer.tar 1 over one
    expectFailure "/bin/x is provided by both one and the description" layer-tar layer.tar 1 folder one
    expectFailure "an entry lies under it" layer-tar layer.tar 1 under one
    expectFailure "/d is described twice" layer-tar layer.tar 1 twice
    layer-tar layer.tar 1 none one three
  '';

  bad-entries-are-refused = check "bad-entries" { } ''
    refuse() {
      printf "$1\n" > entries
      expectFailure "$2" layer-tar layer.tar 1 entries
    }
    refuse 'file\t0644\t0\t0\tetc/x\t/dev/null' "must be absolute"
    refuse 'directory\t0755\t0\t0\t/a/../b\t' "no . and no .."
    refuse 'directory\t0755\t0\t0\t/a//b\t' "must be absolute and plain"
    refuse 'directory\t0999\t0\t0\t/a\t' "'0999' is not a number"
    refuse 'directory\t0755\t-1\t0\t/a\t' "is not a number"
    refuse 'socket\t0755\t0\t0\t/a\t' "unknown type"
    refuse 'directory\t0755\t0' "too few fields"
    refuse 'file\t0644\t0\t0\t/a\t/absent' "can't read /absent"
    touch plain
    : > entries
    expectFailure "is a file" layer-tar layer.tar 1 entries plain
    mkdir -p loop/etc
    ln -s . loop/etc/again
    expectFailure "leads in a circle" layer-tar layer.tar 1 entries loop
  '';

  names-that-a-list-cannot-hold-are-refused =
    let
      tried = builtins.tryEval (formatEntries [
        {
          path = "/a\tb";
          type = "directory";
        }
      ]);
    in
    if tried.success then throw "a tab in a path was accepted" else writeText "test-tab" "ok";

  # Each path once; the most referred to first; the rest share the last layer, and the app is in it.
  layers-follow-popularity = check "layers" { } ''
    ${graphOfLibc}
    assign() { layer-split popularity "$1" "$2" /s/layer "''${3-}"; }
    expect '[["/s/libc"], ["/s/lib"], ["/s/a"], ["/s/b"]]' "$(assign 10 graph)"
    expect '[["/s/libc"], ["/s/lib"], ["/s/b"], ["/s/a"]]' "$(assign 10 graph /s/a)"
    expect '[["/s/libc"], ["/s/a", "/s/b", "/s/lib"]]' "$(assign 2 graph)"
    expect '[["/s/a", "/s/b", "/s/lib", "/s/libc"]]' "$(assign 1 graph)"
    expect "[]" "$(assign 1 /dev/null)"
    expectFailure "at least 2 layers" assign 0 graph
    expectFailure "unknown strategy 'size'" layer-split size 2 graph "" ""
    printf '/s/x\n\n1\n/s/y\n' > broken
    expectFailure "/s/y is referred to and not in broken" assign 2 broken
    printf '/s/x\n\n1\n' > broken
    expectFailure "broken ends within" assign 2 broken
  '';

  # A large path is by itself while small ones share; what others need lies below them.
  layers-follow-use-and-size = check "use-and-size" { } ''
    ${graphOfLibc}
    printf '%s\n' "50000000 /s/libc" "9000000 /s/lib" "700 /s/a" "900 /s/b" > sizes
    assign() { layer-split auto "$1" graph /s/layer /s/b sizes; }
    expect '[["/s/libc"], ["/s/lib"], ["/s/a"], ["/s/b"]]' "$(assign 126)"
    expect '[["/s/libc"], ["/s/lib"], ["/s/a", "/s/b"]]' "$(assign 3)"
    expect '[["/s/lib", "/s/libc"], ["/s/a", "/s/b"]]' "$(assign 2)"
    expect '[["/s/a", "/s/b", "/s/lib", "/s/libc"]]' "$(assign 1)"
    expect '[["/s/a", "/s/b", "/s/lib", "/s/libc"]]' "$(layer-split single 9 graph /s/layer /s/b)"
    expectFailure "can't look at /s/a" layer-split auto 9 graph /s/layer /s/b
    echo "k /s/a" > sizes
    expectFailure "is not a size and a path" assign 1
  '';

  # Sizes are those of files at any depth, not of folders or of what links point to.
  sizes-are-measured-where-the-paths-lie = check "sizes" { } ''
    mkdir -p large/a/b small
    head -c 1000000 /dev/zero > large/a/b/file
    ln -s ../large/a/b/file small/link
    echo x > file
    printf '%s\n\n0\n' "$PWD/large" "$PWD/small" "$PWD/file" > graph
    expect "[[\"$PWD/large\"], [\"$PWD/file\", \"$PWD/small\"]]" "$(layer-split auto 9 graph "" "")"
  '';

  unsupported-arguments-are-refused =
    let
      image =
        extra:
        builtins.tryEval (pkgs.dockerTools.streamLayeredImage ({ name = "x"; } // extra)).drvPath;
      refused = map (extra: !(image extra).success) [
        { fromImage = base; }
        { fakeRootCommands = "chown 1 x"; }
        { maxLayers = 1; }
        { maxLayers = 128; }
      ];
    in
    if lib.all lib.id refused && (image { }).success then
      writeText "test-refused" "ok"
    else
      throw "an argument that can't be served was accepted";
}
