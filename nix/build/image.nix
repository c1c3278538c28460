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

  packages = map (lib.packages.get pkgs) image.contents;
  contents = packages ++ (if app == null then [ ] else [ app ]);

  # A file entry's content as a store path.
  toFile =
    entry:
    if entry ? text then
      pkgs.writeText (baseNameOf entry.path) entry.text
    else
      builtins.path {
        path = source + "/${entry.source}";
        name = builtins.replaceStrings [ " " ] [ "_" ] (baseNameOf entry.path);
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

  # why: only a set that writes the tar itself can take owners and modes as data; nixpkgs makes
  # them with chown and chmod under fakeroot, and merges contents without a word on collisions,
  # so there buildEnv, which refuses them, goes first.
  ownEntries = {
    inherit contents;
    entries = map (
      entry:
      if entry.type == "file" && entry ? source then
        removeAttrs entry [ "source" ] // { source = toFile entry; }
      else
        entry
    ) image.entries;
  };
  fakerootEntries = {
    contents = [
      (pkgs.buildEnv {
        name = "${image.name}-root";
        paths = contents;
        pathsToLink = [ "/" ];
        ignoreCollisions = false;
      })
    ];
    fakeRootCommands = lib.entries.toShell toFile image.entries;
  };

  stream = pkgs.dockerTools.streamLayeredImage (
    common // (if pkgs.nixgen.entries or false then ownEntries else fakerootEntries)
  );
in
{
  inherit stream app;
  conf = stream.conf or stream;
}
