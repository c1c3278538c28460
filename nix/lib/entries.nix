# Entries of the image's own root: files, directories and symlinks that no package provides.
#
# An entry is { path, type = "file" | "directory" | "symlink", mode, uid, gid,
#               text | source (files), target (symlinks) }; paths are absolute.
let
  inherit (import ./shell.nix) quote;

  parentOf =
    path:
    let
      parts = builtins.filter builtins.isString (builtins.split "/" path);
      kept = builtins.genList (builtins.elemAt parts) (builtins.length parts - 1);
    in
    "." + builtins.concatStringsSep "/" kept;

  make =
    toFile: entry:
    let
      at = quote ("." + entry.path);
    in
    {
      file = "cp -f --no-preserve=all ${quote "${toFile entry}"} ${at}";
      directory = "mkdir -p ${at}";
      symlink = "ln -s ${quote entry.target} ${at}";
    }
    .${entry.type};

  finish =
    entry:
    let
      at = quote ("." + entry.path);
    in
    if entry.type == "symlink" then
      "chown -h ${toString entry.uid}:${toString entry.gid} ${at}"
    else
      ''
        chown ${toString entry.uid}:${toString entry.gid} ${at}
        chmod ${entry.mode} ${at}'';

  refuseTaken =
    entry:
    if entry.type == "directory" then
      "true"
    else
      ''
        if [ -e ${quote ("." + entry.path)} ] || [ -L ${quote ("." + entry.path)} ]; then
          echo "nixgen: ${entry.path} is provided by the description and by a package in contents" >&2
          exit 1
        fi'';
in
{
  # A shell script that makes the entries below the current directory, for a set whose
  # dockerTools runs it under fakeroot. `toFile` turns a file entry into a store path.
  toShell =
    toFile: entries:
    builtins.concatStringsSep "\n" (
      map (
        entry:
        builtins.concatStringsSep "\n" [
          "mkdir -p ${quote (parentOf entry.path)}"
          (refuseTaken entry)
          (make toFile entry)
          (finish entry)
        ]
      ) entries
    );
}
