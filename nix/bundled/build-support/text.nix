# Files out of strings.
pkgs:
let
  inherit (pkgs) lib stdenvNoCC;
in
rec {
  # writeTextFile { name, text, executable ? false, destination ? "", meta ? { } }
  writeTextFile =
    {
      name,
      text,
      executable ? false,
      destination ? "",
      meta ? { },
      passthru ? { },
      ...
    }:
    stdenvNoCC.mkDerivation {
      inherit
        name
        text
        destination
        meta
        passthru
        ;
      executable = if executable then "1" else "";
      passAsFile = [ "text" ];
      buildCommand = ''
        target=$out$destination
        mkdir -p "$(dirname "$target")"
        cp "$textPath" "$target"
        if [ -n "$executable" ]; then chmod 0755 "$target"; else chmod 0644 "$target"; fi
      '';
    };

  writeText = name: text: writeTextFile { inherit name text; };

  writeTextDir =
    path: text:
    writeTextFile {
      inherit text;
      name = baseNameOf path;
      destination = "/${path}";
    };

  writeScript =
    name: text:
    writeTextFile {
      inherit name text;
      executable = true;
    };

  writeScriptBin =
    name: text:
    writeTextFile {
      inherit name text;
      executable = true;
      destination = "/bin/${name}";
      meta.mainProgram = name;
    };

  # Scripts for the host platform's bash.
  writeShellScript = name: text: writeScript name "#!${pkgs.runtimeShell}\n${text}";
  writeShellScriptBin = name: text: writeScriptBin name "#!${pkgs.runtimeShell}\n${text}";

  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
      meta ? { },
      ...
    }:
    writeTextFile {
      inherit name;
      executable = true;
      destination = "/bin/${name}";
      meta = {
        mainProgram = name;
      } // meta;
      text = ''
        #!${pkgs.runtimeShell}
        set -o errexit
        set -o nounset
        set -o pipefail
        ${lib.optionalString (runtimeInputs != [ ]) ''export PATH="${lib.makeBinPath runtimeInputs}:$PATH"''}
        ${text}
      '';
    };
}
