# Looking packages up in a set by the names that a description uses.
let
  attrs = import ./attrs.nix;

  # why: nixpkgs has tens of thousands of names; those that begin alike are enough for a guess.
  guessesFor =
    set: name:
    let
      prefix = builtins.substring 0 1 name;
      names = builtins.attrNames set;
    in
    if builtins.length names < 500 then
      names
    else
      builtins.filter (other: builtins.substring 0 1 other == prefix) names;

  isPackage =
    value:
    let
      tried = builtins.tryEval (builtins.isAttrs value && value.type or null == "derivation");
    in
    tried.success && tried.value;

  problem =
    set: name:
    let
      path = attrs.splitPath name;
      parent = attrs.splitPath (builtins.head path);
    in
    if !(attrs.hasPath path set) then
      {
        inherit name;
        reason = "unknown";
        known = guessesFor (
          if builtins.length path > 1 && attrs.hasPath parent set && builtins.isAttrs (attrs.getPath parent set) then
            attrs.getPath parent set
          else
            set
        ) (builtins.elemAt path (builtins.length path - 1));
      }
    else if !(isPackage (attrs.getPath path set)) then
      {
        inherit name;
        reason = "unusable";
        known = [ ];
      }
    else
      null;
in
{
  # The names of `names` that are not packages of `set`: [ { name, reason, known } ].
  problems =
    set: names:
    builtins.filter (found: found != null) (map (problem set) names);

  get = set: name: attrs.getPath (attrs.splitPath name) set;
}
