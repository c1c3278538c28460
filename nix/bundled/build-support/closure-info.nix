# closureInfo { rootPaths }: a folder with store-paths, one per line, sorted.
pkgs:
{ rootPaths }:
pkgs.stdenvNoCC.mkDerivation {
  name = "closure-info";
  exportReferencesGraph = pkgs.lib.concatLists (
    pkgs.lib.imap0 (n: path: [
      "graph-${toString n}"
      path
    ]) rootPaths
  );
  empty = if rootPaths == [ ] then "1" else "";
  buildCommand = ''
    mkdir -p "$out"
    if [ -n "$empty" ]; then
      : > "$out/store-paths"
    else
      cat graph-* | awk -f ${./closure-paths.awk} | sort -u > "$out/store-paths"
    fi
  '';
}
