# nixpkgs' streamLayeredImage as far as tests need it: the same arguments, names of derivations and
# fields of the conf. The first paths get a layer each where layers are made by popularity, which the
# older generation always does and the newer one when its pipeline says so.
{
  pkgs,
  newer,
  layerTar,
}:

{
  name,
  tag,
  contents,
  config,
  architecture,
  created,
  maxLayers,
  fakeRootCommands,
  ...
}@arguments:

assert maxLayers > 1;
let
  pipeline = arguments.layeringPipeline or null;
  limit =
    if !newer then
      maxLayers - 1
    else if pipeline == null then
      1
    else
      assert builtins.head pipeline == [ "popularity_contest" ];
      assert builtins.head (builtins.elemAt pipeline 1) == "limit_layers";
      builtins.elemAt (builtins.elemAt pipeline 1) 1;
  customisationLayer = pkgs.symlinkJoin {
    name = "${name}-customisation-layer";
    paths = contents;
    nativeBuildInputs = [ layerTar ];
    postBuild = ''
      mv "$out" old_out
      mkdir "$out"
      . ${./fakeroot.sh}
      fakeroot old_out ${pkgs.writeText "fake-root-commands" fakeRootCommands} > entries
      layer-tar "$out/layer.tar" 315532800 entries
      sha256sum "$out/layer.tar" | cut -d ' ' -f 1 > "$out/checksum"
    '';
  };
  baseJson = pkgs.writeText "${name}-base.json" (
    builtins.toJSON {
      inherit config architecture;
      os = "linux";
    }
  );
  closure = pkgs.closureInfo {
    rootPaths = [
      customisationLayer
      baseJson
    ];
  };
  fields = builtins.toJSON {
    inherit architecture config created;
    os = "linux";
    store_dir = builtins.storeDir;
    from_image = null;
    repo_tag = "${name}:${tag}";
    uid = "0";
    gid = "0";
    uname = "root";
    gname = "root";
  };
  conf = pkgs.runCommand "${name}-conf.json" { inherit customisationLayer baseJson fields; } ''
    # An image of files alone has no store path, and grep then answers 1.
    layers=$({ grep -v -x -F -e "$customisationLayer" -e "$baseJson" ${closure}/store-paths || :; } |
      awk -v limit=${toString limit} '
        { printf "%s\"%s\"", NR == 1 ? "[" : NR <= limit ? "],[" : ",", $0 }
        END { if (NR > 0) printf "]" }')
    {
      printf '%s' "''${fields%\}}"
      printf ',"customisation_layer":"%s","store_layers":[%s]}\n' "$customisationLayer" "$layers"
    } > "$out"
  '';
in
pkgs.runCommand "stream-${name}" {
  passthru = if newer then { inherit conf; } else { };
} "echo 'stream_layered_image ${conf}' > \"$out\""
