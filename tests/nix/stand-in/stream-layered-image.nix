# nixpkgs' streamLayeredImage as far as tests need it: the same arguments, names of derivations and
# fields of the conf.
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
}:

assert maxLayers > 1;
let
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
    layers=$(grep -v -x -F -e "$customisationLayer" -e "$baseJson" ${closure}/store-paths |
      sed 's/.*/"&"/' | tr '\n' ',')
    {
      printf '%s' "''${fields%\}}"
      printf ',"customisation_layer":"%s"' "$customisationLayer"
      if [ -n "$layers" ]; then
        printf ',"store_layers":[[%s]]}\n' "''${layers%,}"
      else
        printf ',"store_layers":[]}\n'
      fi
    } > "$out"
  '';
in
pkgs.runCommand "stream-${name}" {
  passthru = if newer then { inherit conf; } else { };
} "echo 'stream_layered_image ${conf}' > \"$out\""
