# The part of nixpkgs' `lib` that package expressions here and in projects lean on, under the
# same names and with the same meaning.
let
  inherit (builtins)
    attrNames
    attrValues
    concatStringsSep
    elem
    elemAt
    filter
    foldl'
    genList
    head
    isAttrs
    isList
    isString
    length
    listToAttrs
    replaceStrings
    stringLength
    substring
    tail
    ;
in
rec {
  inherit (builtins)
    attrNames
    attrValues
    compareVersions
    concatLists
    concatMap
    concatStringsSep
    elem
    filter
    foldl'
    genList
    hasAttr
    head
    isAttrs
    isFunction
    isList
    isString
    length
    listToAttrs
    mapAttrs
    replaceStrings
    splitVersion
    stringLength
    tail
    toJSON
    ;

  # Functions
  id = x: x;
  const = x: _: x;
  fix =
    f:
    let
      x = f x;
    in
    x;
  flip =
    f: a: b:
    f b a;
  functionArgs = f: if isAttrs f then f.__functionArgs or { } else builtins.functionArgs f;

  # Lists
  optional = cond: x: if cond then [ x ] else [ ];
  optionals = cond: xs: if cond then xs else [ ];
  toList = x: if isList x then x else [ x ];
  flatten = x: if isList x then builtins.concatMap flatten x else [ x ];
  unique = foldl' (acc: x: if elem x acc then acc else acc ++ [ x ]) [ ];
  last = xs: elemAt xs (length xs - 1);
  imap0 = f: xs: genList (n: f n (elemAt xs n)) (length xs);
  any = builtins.any;
  all = builtins.all;
  sort = builtins.sort;

  # Strings
  optionalString = cond: s: if cond then s else "";
  concatStrings = concatStringsSep "";
  concatMapStrings = f: xs: concatStrings (map f xs);
  concatMapStringsSep =
    sep: f: xs:
    concatStringsSep sep (map f xs);
  concatLines = xs: concatMapStrings (line: line + "\n") xs;
  hasPrefix = prefix: s: substring 0 (stringLength prefix) s == prefix;
  hasSuffix =
    suffix: s:
    let
      n = stringLength s;
      m = stringLength suffix;
    in
    n >= m && substring (n - m) m s == suffix;
  removePrefix = prefix: s: if hasPrefix prefix s then substring (stringLength prefix) (-1) s else s;
  removeSuffix =
    suffix: s: if hasSuffix suffix s then substring 0 (stringLength s - stringLength suffix) s else s;
  hasInfix = infix: s: length (builtins.split (escapeRegex infix) s) > 1;
  splitString = sep: s: filter isString (builtins.split (escapeRegex sep) s);
  escape = chars: replaceStrings chars (map (c: "\\${c}") chars);
  escapeRegex = escape [
    "\\"
    "["
    "]"
    "{"
    "}"
    "("
    ")"
    "^"
    "$"
    "?"
    "*"
    "+"
    "|"
    "."
  ];
  escapeShellArg = arg: "'${replaceStrings [ "'" ] [ "'\\''" ] (toString arg)}'";
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;
  boolToString = b: if b then "true" else "false";
  versionAtLeast = a: b: builtins.compareVersions a b >= 0;
  versionOlder = a: b: builtins.compareVersions a b < 0;

  # Attribute sets
  nameValuePair = name: value: { inherit name value; };
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  filterAttrs = pred: set: removeAttrs set (filter (name: !(pred name set.${name})) (attrNames set));
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  mapAttrs' = f: set: listToAttrs (mapAttrsToList f set);
  optionalAttrs = cond: set: if cond then set else { };
  recursiveUpdate =
    a: b:
    a
    // builtins.mapAttrs (
      name: value:
      if isAttrs value && isAttrs (a.${name} or null) && !(isDerivation value) then
        recursiveUpdate a.${name} value
      else
        value
    ) b;
  attrByPath =
    path: default: set:
    if path == [ ] then
      set
    else if isAttrs set && set ? ${head path} then
      attrByPath (tail path) default set.${head path}
    else
      default;

  # Derivations
  isDerivation = x: x.type or null == "derivation";
  getName = x: if isAttrs x then x.pname or (getName x.name) else (builtins.parseDrvName x).name;
  getVersion =
    x: if isAttrs x then x.version or (getVersion x.name) else (builtins.parseDrvName x).version;
  getOutput =
    output: pkg:
    if !(isAttrs pkg) || pkg.outputSpecified or false then pkg else pkg.${output} or pkg.out or pkg;
  getBin = getOutput "bin";
  getLib = getOutput "lib";
  getDev = getOutput "dev";
  makeSearchPath = sub: paths: concatMapStringsSep ":" (p: "${p}/${sub}") (filter (p: p != null) paths);
  makeBinPath = paths: makeSearchPath "bin" (map getBin paths);
  getExe = pkg: getExe' pkg (pkg.meta.mainProgram or (getName pkg));
  getExe' = pkg: name: "${getBin pkg}/bin/${name}";

  # Packages as functions
  callPackageWith =
    scope: fn: args:
    let
      f = if builtins.isFunction fn then fn else import fn;
      wanted = builtins.intersectAttrs (functionArgs f) scope;
    in
    makeOverridable f (wanted // args);
  makeOverridable =
    f: args:
    let
      result = f args;
    in
    if isAttrs result then
      result
      // {
        override =
          more: makeOverridable f (args // (if builtins.isFunction more then more args else more));
      }
      // optionalAttrs (result ? overrideAttrs) {
        overrideAttrs = more: makeOverridable (a: (f a).overrideAttrs more) args;
      }
    else
      result;

  # Licences, by their SPDX id: licenses.mit.spdxId.
  licenses =
    builtins.mapAttrs
      (shortName: spdxId: {
        inherit shortName spdxId;
        free = true;
      })
      {
        asl20 = "Apache-2.0";
        blessing = "blessing";
        bsd2 = "BSD-2-Clause";
        bsd3 = "BSD-3-Clause";
        curl = "curl";
        gpl2Only = "GPL-2.0-only";
        gpl2Plus = "GPL-2.0-or-later";
        gpl3Only = "GPL-3.0-only";
        gpl3Plus = "GPL-3.0-or-later";
        isc = "ISC";
        lgpl21Plus = "LGPL-2.1-or-later";
        mit = "MIT";
        mpl20 = "MPL-2.0";
        publicDomain = "LicenseRef-public-domain";
        zlib = "Zlib";
      };

  # meta of a package of this set, whose version and licence stand in sources.json.
  # cpe: { vendor, product ? pname }, as in the National Vulnerability Database, or null
  # purl: the package URL without its version, where the package is one of a language's own, or null
  packageMeta =
    source:
    {
      description,
      homepage,
      cpe ? null,
      purl ? null,
      mainProgram ? null,
    }:
    {
      inherit description homepage;
      license = {
        spdxId = source.license;
        free = true;
      };
      platforms = platforms.linux;
    }
    // optionalAttrs (mainProgram != null) { inherit mainProgram; }
    // optionalAttrs (cpe != null || purl != null) {
      identifiers =
        optionalAttrs (cpe != null) (
          cpeIdentifiers (cpe.vendor) (cpe.product or source.pname) source.version
        )
        // optionalAttrs (purl != null) { purl = "${purl}@${source.version}"; };
    };

  # https://nvlpubs.nist.gov/nistpubs/Legacy/IR/nistir7695.pdf
  cpeIdentifiers = vendor: product: version: {
    cpe = "cpe:2.3:a:${vendor}:${product}:${version}:*:*:*:*:*:*:*";
    cpeParts = {
      part = "a";
      inherit vendor product version;
      update = "*";
    };
  };

  platforms = rec {
    x86_64 = [ "x86_64-linux" ];
    aarch64 = [ "aarch64-linux" ];
    linux = builtins.attrNames (import ./platforms.nix);
    unix = linux;
    all = linux;
  };
  maintainers = { };
}
