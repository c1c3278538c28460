# Looking packages up in a set by the names that a description uses.
let
  attrs = import ./attrs.nix;

  # why: nixpkgs has tens of thousands of names; those that begin alike are enough for a guess.
  alike =
    set: name:
    let
      prefix = builtins.substring 0 1 name;
      names = builtins.attrNames set;
    in
    if builtins.length names < 500 then
      names
    else
      builtins.filter (other: builtins.substring 0 1 other == prefix) names;

  # Whole names that could have been meant by a path that the set does not have: the first part
  # that is missing, exchanged for those that are there.
  guesses =
    set: above: path:
    let
      part = builtins.head path;
      rest = builtins.tail path;
    in
    if !(builtins.isAttrs set) then
      [ ]
    else if set ? ${part} then
      guesses set.${part} (above ++ [ part ]) rest
    else
      map (other: attrs.joinPath (above ++ [ other ] ++ rest)) (alike set part);

  isPackage =
    value:
    let
      tried = builtins.tryEval (builtins.isAttrs value && value.type or null == "derivation");
    in
    tried.success && tried.value;

  # Whether a name leads to a package that the set has and that evaluates: one that is broken, unfree,
  # insecure or not for the platform throws, as does the alias of one that is gone.
  builds =
    set: name:
    let
      path = attrs.splitPath name;
      package = attrs.getPath path set;
      tried = builtins.tryEval (
        attrs.hasPath path set
        && isPackage package
        && !(package.meta.unsupported or false)
        && builtins.isString package.drvPath
      );
    in
    tried.success && tried.value;

  # Outputs by nixpkgs' conventions that no program needs when it runs.
  # https://nixos.org/manual/nixpkgs/stable/#sec-multiple-outputs-
  notForRunning = [
    "debug"
    "dev"
    "devdoc"
    "devman"
    "doc"
    "info"
    "man"
    "static"
  ];

  problem =
    set: name:
    let
      path = attrs.splitPath name;
    in
    if !(attrs.hasPath path set) then
      {
        inherit name;
        reason = "unknown";
        known = guesses set [ ] path;
      }
    else if !(isPackage (attrs.getPath path set)) then
      {
        inherit name;
        reason = "unusable";
        known = [ ];
      }
    # why not meta.available: that is false, too, for what a licence or a warning holds back, of
    # which nixpkgs itself says more.
    else if (attrs.getPath path set).meta.unsupported or false then
      {
        inherit name;
        reason = "unavailable";
        known = [ ];
      }
    else
      null;
in
{
  # The names of `names` that are not packages of `set`: [ { name, reason, known } ]; `reason` is
  # "unknown", "unusable" or, for a package that is not for the set's platform, "unavailable";
  # `known` are names that could have been meant.
  problems = set: names: builtins.filter (found: found != null) (map (problem set) names);

  get = set: name: attrs.getPath (attrs.splitPath name) set;

  # Which package is taken for each of `names`: name -> the first of `candidates.${name}` that the set
  # has and would build, the name itself where there is none.
  choose =
    set: candidates: names:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = builtins.head (builtins.filter (builds set) (candidates.${name} or [ ]) ++ [ name ]);
      }) names
    );

  # What of a package goes into an image, as a list: its first output; where that is for those who
  # build or read, all that programs run with. An output that `name` itself names stays.
  forRunning =
    set: name:
    let
      path = attrs.splitPath name;
      package = attrs.getPath path set;
      outputs = package.outputs or [ "out" ];
      isNamed = package.outputName or null == attrs.last path;
      running = builtins.filter (output: builtins.elem output outputs) [
        "bin"
        "out"
        "lib"
      ];
    in
    if isNamed || running == [ ] || !(builtins.elem (builtins.head outputs) notForRunning) then
      [ package ]
    else
      map (output: package.${output}) running;
}
