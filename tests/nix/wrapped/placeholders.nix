# An overlay for stripped checkouts: attributes that the checkout lacks, and no others.
#
# What the checkout has the code of is made by that code; packages become empty derivations, which
# evaluate and are never built. A full nixpkgs gets nothing from here.
checkout: final: prev:

let
  package =
    name:
    prev.runCommand "${name}-placeholder" { meta.mainProgram = name; } ''
      mkdir -p "$out/bin"
    '';
  packages = [
    "fakeroot"
    "go"
    "jshon"
    "lua"
    "moreutils"
    "pigz"
    "proot"
    "skopeo"
    "tarsum"
  ];

  byItsOwnCode = {
    closureInfo = final.callPackage (checkout + "/pkgs/build-support/closure-info.nix") { };
    dockerTools = final.callPackage (checkout + "/pkgs/build-support/docker") { };
    referencesByPopularity = final.callPackage (
      checkout + "/pkgs/build-support/references-by-popularity"
    ) { };
  };

  inert = {
    nixosTests = { };
    vmTools = { };
    writePython3 =
      name: _options: script:
      prev.runCommand name { inherit script; } ''
        cp "$script" "$out"
      '';
  };

  offered = builtins.listToAttrs (
    map (name: {
      inherit name;
      value = package name;
    }) packages
  ) // inert // byItsOwnCode;
  # why: this fork makes glibc for other platforms with a libgcc that needs that same glibc.
  glibcOfFork = checkout + "/pkgs/by-name/gl/glibc";
  mended =
    if prev ? dockerTools || !(builtins.pathExists glibcOfFork) then
      { }
    else
      {
        glibcCross = final.callPackage glibcOfFork {
          stdenv = final.gccCrossLibcStdenv;
          libgcc = null;
        };
      };

  missing = builtins.filter (name: !(prev ? ${name})) (builtins.attrNames offered);
in
builtins.listToAttrs (
  map (name: {
    inherit name;
    value = offered.${name};
  }) missing
)
// mended
