# One image: the app built, the contents gathered, and the image conf made by the set's
# dockerTools. The result is the conf's derivation.
{
  lib,
  pkgs,
  image,
  source,
}:

let
  app =
    if image.build == null then
      null
    else
      import (./. + "/kinds/${image.build.kind}.nix") {
        inherit lib pkgs source;
        inherit (image) app build;
      };

  # Which package is taken for each of the contents, and all that are; one that the description names
  # itself is there once.
  chosen = lib.packages.choose pkgs image.candidates image.contents;
  taken = map (name: chosen.${name}) (
    builtins.filter (
      name: !(builtins.elem chosen.${name} image.contents) || chosen.${name} == name
    ) image.contents
  );
  packages = map (lib.packages.get pkgs) taken;
  outputsOf =
    {
      first = name: [ (lib.packages.get pkgs name) ];
      for-running = lib.packages.forRunning pkgs;
    }
    .${image.outputs};
  contents = builtins.concatMap outputsOf taken ++ (if app == null then [ ] else [ app ]);

  # A file entry's content as a store path.
  toFile =
    entry:
    let
      name = lib.names.storeName (baseNameOf entry.path);
    in
    if entry ? text then
      pkgs.writeText name entry.text
    else
      builtins.path {
        inherit name;
        path = source + "/${entry.source}";
      };

  common = {
    inherit (image)
      name
      tag
      config
      created
      architecture
      maxLayers
      ;
  };

  # why two shapes: a set that writes the tar itself takes owners and modes as data, and refuses
  # collisions; nixpkgs makes them with chown and chmod under fakeroot, and merges its contents
  # without a word on collisions. docs/adr/0004-one-contract-two-shapes-of-entries.md
  ownEntries = {
    inherit contents;
    inherit (image) base;
    layering = image.layering // {
      apps = if app == null then [ ] else [ app ];
    };
    entries = map (
      entry:
      if entry.type == "file" && entry ? source then
        removeAttrs entry [ "source" ] // { source = toFile entry; }
      else
        entry
    ) image.entries;
  };
  fakerootEntries = {
    inherit contents;
    # why a file: one variable of a build's environment holds 128 KiB at most.
    fakeRootCommands = ". ${pkgs.writeText "${image.name}-entries.sh" fakerootScript}";
  };
  fakerootScript = ''
    # No two of the contents collide: ${noCollisions}
    rm -rf ./nix-support
    ${if image.base == null then "" else lib.entries.followLinks image.base.links}
    ${lib.entries.toShell toFile image.entries}'';

  # Builds where no two of the contents provide the same path; nothing of it is in the image.
  noCollisions = pkgs.buildEnv {
    name = "${image.name}-contents";
    # why as text: the outputs that are in the image, not those that a user would install.
    paths = map (package: "${package}") contents;
    pathsToLink = [ "/" ];
    ignoreCollisions = false;
  };

  # What nixpkgs' dockerTools can be told about layers. Two in all leave one for store paths, however
  # the set splits them. Popularity was the only way before there was a pipeline to ask for it.
  # https://nixos.org/manual/nixpkgs/stable/#ssec-pkgs-dockerTools-streamLayeredImage
  nixpkgsLayering =
    if image.layering.strategy == "single" then
      { maxLayers = 2; }
    else if image.layering.strategy == "popularity" && takesPipeline then
      {
        layeringPipeline = [
          [ "popularity_contest" ]
          [
            "limit_layers"
            (image.maxLayers - 1)
          ]
        ];
      }
    else
      { };
  takesPipeline = argumentsOf pkgs.dockerTools.streamLayeredImage ? layeringPipeline;
  # why: nixpkgs wraps the function to make it overridable.
  argumentsOf = function: function.__functionArgs or (builtins.functionArgs function);

  stream = pkgs.dockerTools.streamLayeredImage (
    common
    // (if pkgs.nixgen.entries or false then ownEntries else fakerootEntries // nixpkgsLayering)
  );
in
{
  inherit stream app;
  # The packages of the contents, by the names that the description has for them.
  packages = builtins.mapAttrs (_: lib.packages.get pkgs) chosen;
  # What was taken in place of what: name -> name.
  variants = lib.attrs.filter (name: other: name != other) chosen;
  conf = stream.conf or stream;
  meta = import ./meta.nix {
    inherit pkgs app;
    packages = packages ++ map (lib.packages.get pkgs) (
      if image.build == null then [ ] else image.build.packages
    );
  };
}
