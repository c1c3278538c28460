# Entries of an image, as data, to the list that layer-tar reads.
#
# An entry is { path, type = "file" | "directory" | "symlink", mode ? , uid ? 0, gid ? 0,
#               text | source (files), target (symlinks) }.
{ lib, writeText }:

let
  defaultMode = {
    file = "0644";
    directory = "0755";
    symlink = "0777";
  };

  # why: fields stand between tabs and entries on lines, so neither can be in a field.
  plain =
    entry: what: text:
    if lib.hasInfix "\t" text || lib.hasInfix "\n" text then
      throw "entry ${builtins.toJSON entry.path}: its ${what} has a tab or a newline, which can't be in an image's entry"
    else
      text;

  valueOf = entry: {
    # why toString on strings alone: a path has to be copied to the store, a string names it.
    file =
      if entry ? text then
        "${writeText "entry" entry.text}"
      else if entry ? source then
        "${entry.source}"
      else
        throw "entry ${entry.path}: a file has text or a source";
    directory = "";
    symlink = plain entry "target" (entry.target or (throw "entry ${entry.path}: a symlink has a target"));
  };

  line =
    entry:
    let
      values = valueOf entry;
      type = entry.type or "file";
    in
    lib.concatStringsSep "\t" [
      (if values ? ${type} then type else throw "entry ${entry.path}: unknown type '${type}'")
      (entry.mode or defaultMode.${type})
      (toString (entry.uid or 0))
      (toString (entry.gid or 0))
      (plain entry "path" entry.path)
      values.${type}
    ];
in
entries: lib.concatLines (map line entries)
