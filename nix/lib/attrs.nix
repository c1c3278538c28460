# Attribute paths written with dots, as in app.toml: "python3Packages.requests".
rec {
  # "a.b" -> [ "a" "b" ]
  splitPath = text: builtins.filter builtins.isString (builtins.split "\\." text);

  # [ "a" "b" ] -> "a.b"
  joinPath = builtins.concatStringsSep ".";

  # The attributes for which `keep name value` holds.
  filter =
    keep: set:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = set.${name};
      }) (builtins.filter (name: keep name set.${name}) (builtins.attrNames set))
    );

  # The last name of a path.
  last = path: builtins.elemAt path (builtins.length path - 1);

  # Whether `path` (a list of names) leads through attribute sets to a value.
  hasPath =
    path: set:
    path == [ ]
    || (
      builtins.isAttrs set
      && builtins.hasAttr (builtins.head path) set
      && hasPath (builtins.tail path) set.${builtins.head path}
    );

  # The value at `path`; the caller has asked hasPath.
  getPath =
    path: set: if path == [ ] then set else getPath (builtins.tail path) set.${builtins.head path};
}
