# dockerTools.streamLayeredImage: the image conf, with the fields that nixpkgs' has and the same
# meaning. What it describes is written by nixgen; there is no stream script.
#
# Beyond nixpkgs' arguments there is `entries`, see entries.nix: files, directories and symlinks of
# the image itself with owners and any mode, which a sandboxed build can't give to real files; and
# `layering`: { strategy = "auto" | "popularity" | "single", apps ? [ ] }, where the last layers of
# store paths hold `apps`. docs/explanation/layers.md
# With `base` = { links = [ { path, target } ]; } the image will lie above a base image that has those
# links to folders: they stay, and folders of packages are laid over the base's. The base's layers are
# put below by who writes the image. docs/how-to/base-images.md
{
  lib,
  stdenv,
  stdenvNoCC,
  runCommand,
  writeText,
  buildPackages,
}:

{
  name,
  tag ? null,
  contents ? [ ],
  config ? { },
  architecture ? stdenv.hostPlatform.go.GOARCH,
  created ? "1970-01-01T00:00:01Z",
  mtime ? "1970-01-01T00:00:01Z",
  uid ? 0,
  gid ? 0,
  uname ? "root",
  gname ? "root",
  maxLayers ? 100,
  extraCommands ? "",
  fakeRootCommands ? "",
  enableFakechroot ? false,
  includeStorePaths ? true,
  fromImage ? null,
  passthru ? { },
  entries ? [ ],
  layering ? { },
  base ? null,
}:

let
  baseName = baseNameOf name;
  upper = lib.splitString " " "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z";
  lower = lib.splitString " " "a b c d e f g h i j k l m n o p q r s t u v w x y z";
  imageName = builtins.replaceStrings upper lower name;

  layerTar = buildPackages.callPackage ./layer-tar.nix { };
  layerSplit = buildPackages.callPackage ./layer-split.nix { };
  formatEntries = import ./entries.nix { inherit lib writeText; };

  # What layer-tar reads: a path and a target on each line.
  baseLinks = lib.concatLines (
    map (
      link:
      if lib.hasInfix "\t" "${link.path}${link.target}" || lib.hasInfix "\n" "${link.path}${link.target}" then
        throw "the base image's link ${builtins.toJSON link.path} has a tab or a newline in it"
      else
        "${link.path}\t${link.target}"
    ) (if base == null then [ ] else base.links)
  );

  # layer.tar, and the digest of it in `checksum`.
  customisationLayer =
    runCommand "${baseName}-customisation-layer"
      {
        nativeBuildInputs = [ layerTar ];
        contents = map (path: "${path}") (lib.filter (path: path != null) (lib.toList contents));
        entryList = formatEntries entries;
        inherit extraCommands baseLinks;
        hasBase = if base == null then "" else "1";
        passAsFile = [
          "baseLinks"
          "entryList"
          "extraCommands"
        ];
      }
      ''
        mkdir -p "$out" extra
        set --
        if [ -s "$extraCommandsPath" ]; then
          (cd extra && . "$extraCommandsPath")
          set -- --copy extra
        fi
        if [ -n "$hasBase" ]; then
          set -- "$@" --base "$baseLinksPath"
        fi
        layer-tar "$out/layer.tar" 1 "$entryListPath" "$@" $contents
        sha256sum "$out/layer.tar" | cut -d ' ' -f 1 | tr -d '\n' > "$out/checksum"
      '';

  # Only so that Nix finds the store paths that the config names.
  configFile = writeText "${baseName}-config.json" (builtins.toJSON config);

  # Everything of the conf that is known without a build, as the text within the braces.
  knownFields = lib.removePrefix "{" (
    lib.removeSuffix "}" (
      builtins.toJSON {
        inherit
          architecture
          config
          created
          mtime
          gname
          uname
          ;
        os = "linux";
        store_dir = builtins.storeDir;
        from_image = null;
        uid = toString uid;
        gid = toString gid;
      }
    )
  );

  conf = stdenvNoCC.mkDerivation {
    name = "${baseName}-conf.json";
    nativeBuildInputs = [ layerSplit ];
    exportReferencesGraph = [
      "graph-layer"
      customisationLayer
      "graph-config"
      configFile
    ];
    inherit
      customisationLayer
      configFile
      knownFields
      imageName
      ;
    imageTag = if tag == null then "" else tag;
    storeLayerLimit = toString (maxLayers - 1);
    strategy = layering.strategy or "auto";
    apps = map (app: "${app}") (layering.apps or [ ]);
    includeStorePaths = if includeStorePaths then "1" else "";
    passAsFile = [
      "knownFields"
      "buildCommand"
    ];
    buildCommand = ''
      if [ -z "$imageTag" ]; then
        imageTag=''${out##*/}
        imageTag=''${imageTag%%-*}
      fi
      layers="[]"
      if [ -n "$includeStorePaths" ]; then
        cat graph-layer graph-config > graph
        layers=$(layer-split "$strategy" "$storeLayerLimit" graph \
          "$customisationLayer $configFile" "$apps")
      fi
      {
        printf '{"repo_tag": "%s:%s", ' "$imageName" "$imageTag"
        printf '"store_layers": %s, ' "$layers"
        printf '"customisation_layer": "%s", ' "$customisationLayer"
        cat "$knownFieldsPath"
        printf '}\n'
      } > "$out"
    '';
    passthru = passthru // {
      inherit conf imageName customisationLayer;
      imageTag =
        if tag != null then tag else lib.head (lib.splitString "-" (baseNameOf conf.outPath));
      isExe = false;
    };
    meta.description = "Conf of the image ${imageName}";
  };
in
if fromImage != null then
  throw "streamLayeredImage: the bundled set reads no base image (fromImage): say what it has by `base`"
else if fakeRootCommands != "" || enableFakechroot then
  throw "streamLayeredImage: the bundled set has no fakeroot: give owners and modes as `entries`"
else if maxLayers < 2 then
  throw "streamLayeredImage: maxLayers is ${toString maxLayers}, an image needs at least 2 layers"
else if maxLayers > 127 then
  throw "streamLayeredImage: maxLayers is ${toString maxLayers}, engines run at most 127 layers"
else
  conf
