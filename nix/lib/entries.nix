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

  followFunctions = ''
    # nixgenMerge FROM TO: moves what lies in one folder into another, and removes the first.
    nixgenMerge() {
      local item there
      for item in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        [ -e "$item" ] || [ -L "$item" ] || continue
        there=$2/''${item##*/}
        if [ -d "$item" ] && ! [ -L "$item" ] && [ -d "$there" ] && ! [ -L "$there" ]; then
          nixgenMerge "$item" "$there"
        elif [ -e "$there" ] || [ -L "$there" ]; then
          if ! cmp -s "$item" "$there"; then
            echo "error: ''${item#.} and ''${there#.} are one path in the base image, and two packages have it" >&2
            exit 1
          fi
          rm "$item"
        else
          mv "$item" "$there"
        fi
      done
      rmdir "$1"
    }

    # nixgenFollow PATH TARGET: moves what packages have at a link of the base to where it leads.
    nixgenFollow() {
      local folder item
      if [ -L ".$1" ] && [ -d ".$1" ]; then
        folder=$(readlink -f ".$1")
        rm ".$1"
        mkdir ".$1"
        for item in "$folder"/* "$folder"/.[!.]* "$folder"/..?*; do
          [ -e "$item" ] || [ -L "$item" ] || continue
          ln -s "$(readlink -f "$item")" ".$1/''${item##*/}"
        done
      fi
      if [ -d ".$1" ]; then
        mkdir -p ".$2"
        nixgenMerge ".$1" ".$2"
      elif [ -e ".$1" ] || [ -L ".$1" ]; then
        echo "error: $1 of a package is no folder, but leads to one in the base image" >&2
        exit 1
      fi
    }
  '';
in
{
  # A shell script that moves what packages have below links of a base image to where those lead,
  # so that the links stay. `links` are { path, target }, both absolute; targets have no links above
  # them.
  followLinks =
    links:
    let
      follow =
        link:
        "nixgenFollow ${
          arguments [
            link.path
            link.target
          ]
        }";
      all = builtins.concatStringsSep "\n" (map follow links);
    in
    # why several times: what has been moved may lie below another link.
    if links == [ ] then "" else "${followFunctions}\nfor nixgenRound in 1 2 3; do\n${all}\ndone\n";

  # A shell script that makes the entries below the current directory, for a set whose
  # dockerTools runs it under fakeroot. `toFile` turns a file entry into a store path.
  toShell =
    toFile: entries: functions + "\n" + builtins.concatStringsSep "\n" (map (call toFile) entries) + "\n";
}
