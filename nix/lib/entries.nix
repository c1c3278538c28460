# Entries of the image's own root: files, directories and symlinks that no package provides.
#
# An entry is { path, type = "file" | "directory" | "symlink", mode, uid, gid,
#               text | source (files), target (symlinks) }; paths are absolute.
let
  inherit (import ./shell.nix) arguments;

  functions = ''
    nixgenDie() {
      echo "error: $1" >&2
      exit 1
    }

    # Refuses a path that a package provides.
    nixgenClaim() {
      if [ -e ".$1" ] || [ -L ".$1" ]; then
        nixgenDie "$1 is provided by both $(readlink ".$1" || echo "a package") and the description"
      fi
    }

    # Makes the folders above a path.
    nixgenParents() {
      nixgenAbove=''${1%/*}
      while [ -n "$nixgenAbove" ]; do
        if [ -L ".$nixgenAbove" ]; then
          nixgenDie "$nixgenAbove is a link to $(readlink ".$nixgenAbove"), but an entry lies under it: $1"
        elif [ -e ".$nixgenAbove" ] && ! [ -d ".$nixgenAbove" ]; then
          nixgenDie "$nixgenAbove is no folder, but an entry lies under it: $1"
        fi
        nixgenAbove=''${nixgenAbove%/*}
      done
      mkdir -p ".''${1%/*}"
    }

    # nixgenFile PATH MODE OWNER CONTENT
    nixgenFile() {
      nixgenClaim "$1"
      nixgenParents "$1"
      cat "$4" > ".$1"
      chown "$3" ".$1"
      chmod "$2" ".$1"
    }

    # nixgenDirectory PATH MODE OWNER
    nixgenDirectory() {
      if [ -L ".$1" ] || ! [ -d ".$1" ]; then
        nixgenClaim "$1"
      fi
      nixgenParents "$1"
      mkdir -p ".$1"
      chown "$3" ".$1"
      chmod "$2" ".$1"
    }

    # nixgenSymlink PATH OWNER TARGET
    nixgenSymlink() {
      nixgenClaim "$1"
      nixgenParents "$1"
      ln -s "$3" ".$1"
      chown -h "$2" ".$1"
    }
  '';

  call =
    toFile: entry:
    let
      owner = "${toString entry.uid}:${toString entry.gid}";
    in
    {
      file = "nixgenFile ${
        arguments [
          entry.path
          entry.mode
          owner
          "${toFile entry}"
        ]
      }";
      directory = "nixgenDirectory ${
        arguments [
          entry.path
          entry.mode
          owner
        ]
      }";
      symlink = "nixgenSymlink ${
        arguments [
          entry.path
          owner
          entry.target
        ]
      }";
    }
    .${entry.type};
in
{
  # A shell script that makes the entries below the current directory, for a set whose
  # dockerTools runs it under fakeroot. `toFile` turns a file entry into a store path.
  toShell =
    toFile: entries: functions + "\n" + builtins.concatStringsSep "\n" (map (call toFile) entries) + "\n";
}
