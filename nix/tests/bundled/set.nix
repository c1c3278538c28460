# Properties of the set as a whole.
pkgs:
let
  inherit (pkgs) lib writeText;

  packageNames = lib.attrNames (import ../../bundled/packages);
  systems = lib.attrNames (import ../../bundled/platforms.nix);

  # Everything a package must say of itself; the names of what it does not.
  missingMeta =
    name:
    let
      package = pkgs.${name};
      has = {
        pname = package ? pname;
        version = package ? version;
        description = package.meta.description or "" != "";
        homepage = lib.hasPrefix "https://" (package.meta.homepage or "");
        licence = package.meta.license.spdxId or "" != "";
        platforms = package.meta.platforms or [ ] != [ ];
      };
    in
    map (what: "${name}: ${what}") (lib.attrNames (lib.filterAttrs (_: present: !present) has));

  complaints = lib.concatMap missingMeta packageNames;
in
{
  every-package-describes-itself =
    if complaints == [ ] then writeText "test-meta" "ok" else throw (lib.concatStringsSep ", " complaints);

  # Every package for every host, from every build machine there is a seed for.
  evaluates-for-every-platform = writeText "test-evaluation" (
    lib.concatMapStrings (
      buildSystem:
      lib.concatMapStrings (
        hostSystem:
        lib.concatMapStrings (
          name:
          let
            set = import ../../bundled { inherit buildSystem hostSystem; };
          in
          builtins.unsafeDiscardStringContext "${buildSystem} ${hostSystem} ${name} ${set.${name}.drvPath}\n"
        ) packageNames
      ) systems
    ) [
      "x86_64-linux"
      "aarch64-linux"
    ]
  );

  # What needs no compiler is made once for all platforms, and is one layer in an image index.
  data-is-one-derivation-for-every-platform =
    let
      derivations =
        set:
        map (package: package.drvPath) [
          set.cacert
          set.tzdata
          (set.runCommand "data" { } "touch $out")
          (set.writeText "text" "text")
        ];
      others = lib.filter (set: derivations set != derivations pkgs) (lib.attrValues pkgs.pkgsCross);
    in
    if others == [ ] then
      writeText "test-data" "ok"
    else
      throw "other derivations of data for ${lib.concatMapStringsSep ", " (set: set.system) others}";

  cross-names-are-those-of-nixpkgs = writeText "test-cross-names" (
    lib.concatMapStrings
      (
        pair:
        if pkgs.pkgsCross.${pair.name}.system == pair.system then
          "ok\n"
        else
          throw "pkgsCross.${pair.name} is for ${pkgs.pkgsCross.${pair.name}.system}"
      )
      [
        { name = "aarch64-multiplatform"; system = "aarch64-linux"; }
        { name = "aarch64-multiplatform-musl"; system = "aarch64-linux"; }
        { name = "armv7l-hf-multiplatform"; system = "armv7l-linux"; }
        { name = "gnu32"; system = "i686-linux"; }
        { name = "gnu64"; system = "x86_64-linux"; }
        { name = "musl64"; system = "x86_64-linux"; }
        { name = "raspberryPi"; system = "armv6l-linux"; }
        { name = "riscv64"; system = "riscv64-linux"; }
      ]
  );

  # What an image takes of a package is the package and nothing that built it.
  runtime-outputs-stand-alone =
    pkgs.stdenvNoCC.mkDerivation {
      name = "test-runtime-outputs";
      exportReferencesGraph = lib.concatMap (name: [
        "graph-${name}"
        pkgs.${name}.out
      ]) packageNames;
      names = packageNames;
      buildCommand = ''
        for name in $names; do
          awk -f ${../../bundled/build-support/closure-paths.awk} "graph-$name" > paths
          if [ "$(wc -l < paths)" -ne 1 ]; then
            echo "$name brings more than itself:" >&2
            cat paths >&2
            exit 1
          fi
        done
        touch "$out"
      '';
    };

  # No derivation of an image needs make where nothing in it was made with it.
  hello-image-is-built-without-make =
    let
      hello = pkgs.stdenv.mkDerivation {
        name = "hello";
        dontUnpack = true;
        buildPhase = "$CC -O2 -o hello ${./programs/hello.c}";
        installPhase = ''
          mkdir -p "$out/bin"
          cp hello "$out/bin/"
        '';
      };
      conf = pkgs.dockerTools.streamLayeredImage {
        name = "hello";
        contents = [ hello ];
      };
    in
    let
      # The derivations that one names, from the text of its file.
      inputsOf =
        file:
        map lib.head (
          lib.filter lib.isList (
            builtins.split "(${builtins.storeDir}/[^\"]*\\.drv)" (
              builtins.unsafeDiscardStringContext (builtins.readFile file)
            )
          )
        );
      all = builtins.genericClosure {
        startSet = [ { key = builtins.unsafeDiscardStringContext conf.drvPath; } ];
        operator = item: map (key: { inherit key; }) (inputsOf item.key);
      };
      names = map (item: item.key) all;
      unwanted = lib.filter (
        name: lib.any (part: lib.hasInfix part name) [
          "-gnumake-"
          "-libcxx-"
          "-bash-"
        ]
      ) names;
    in
    if !(lib.any (lib.hasSuffix "-hello.drv") names) then
      throw "the image's derivations do not include the program's"
    else if unwanted != [ ] then
      throw "the image of a C program needs ${toString unwanted}"
    else
      writeText "test-lazy" "ok";
}
