# Seeds and sources of sources.json as fixed-output derivations:
# pname -> { pname, version, license, src }, and for a seed pname-system -> the same.
#
# The command line puts them into the store under their hash before a build, so that they are
# valid and their builder never runs. Where it does run, it tries the upstream URL, and where
# there is none it fails with a "URL" that says what to do.
let
  catalogue = (builtins.fromJSON (builtins.readFile ./sources.json)).sources;

  fixedOutput =
    {
      name,
      url,
      hash,
      mode,
    }:
    derivation {
      inherit name url;
      urls = [ url ];
      builder = "builtin:fetchurl";
      system = "builtin";
      outputHash = hash;
      outputHashAlgo = "sha256";
      outputHashMode = mode;
      executable = false;
      unpack = false;
      preferLocalBuild = true;
      impureEnvVars = [
        "http_proxy"
        "https_proxy"
        "ftp_proxy"
        "all_proxy"
        "no_proxy"
      ];
    };

  missing = source: "nixgen-source:${source.name} is not in the store: run 'nixgen sources --fetch'";

  urlOf =
    source:
    let
      urls = builtins.filter (place: place.kind == "url") source.from;
    in
    if urls == [ ] then missing source else (builtins.head urls).url;

  fetch =
    source:
    if source ? unpacked then
      # why: nothing on a bare machine can unpack the archive inside the sandbox; the command
      # line does it and adds the tree by its own hash.
      fixedOutput {
        inherit (source.unpacked) name;
        url = missing source;
        hash = source.unpacked.narHash;
        mode = "recursive";
      }
    else
      fixedOutput {
        name = source.file;
        url = urlOf source;
        hash = source.sha256;
        mode = "flat";
      };
in
builtins.listToAttrs (
  map (source: {
    name = if source.seed then "${source.pname}-${builtins.head source.systems}" else source.pname;
    value = {
      inherit (source) pname version license;
      src = fetch source;
    };
  }) catalogue
)
