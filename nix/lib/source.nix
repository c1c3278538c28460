# Taking some of the files of a source tree.
let
  parentsOf =
    file:
    let
      parts = builtins.filter builtins.isString (builtins.split "/" file);
      upTo =
        count: builtins.concatStringsSep "/" (builtins.genList (builtins.elemAt parts) count);
    in
    builtins.genList (n: upTo (n + 1)) (builtins.length parts);
in
{
  # A filter for builtins.path that takes the files listed, and the folders above them.
  #
  # tree: the store path of the whole source; src: "" or "/folder", the part that is filtered;
  # files: paths relative to that part.
  onlyFiles =
    {
      tree,
      src,
      files,
    }:
    let
      wanted = builtins.listToAttrs (
        map (name: {
          inherit name;
          value = null;
        }) (builtins.concatMap parentsOf files)
      );
      # why: a store in another root shows its paths by where they really are, so only what
      # follows the tree's own name can be relied on.
      anchor = builtins.unsafeDiscardStringContext (baseNameOf "${tree}");
      skip = builtins.stringLength src + 1;
    in
    path: _type:
    let
      below = builtins.match ".*/${anchor}(/.*)" path;
    in
    below != null && wanted ? ${builtins.substring skip (-1) (builtins.head below)};
}
