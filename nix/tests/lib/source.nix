{ lib }:
let
  tree = "/nix/store/00000000000000000000000000000000-source";
  filterOf = src: files: lib.source.onlyFiles { inherit tree src files; };
  taken = filter: builtins.filter (path: filter path "regular");
  public = filterOf "/public" [
    "a/b.css"
    "index.html"
  ];
in
{
  onlyFiles = {
    "the files and the folders above them" = {
      expr = taken public [
        "${tree}/public/a"
        "${tree}/public/a/b.css"
        "${tree}/public/a/c.css"
        "${tree}/public/index.html"
        "${tree}/public/index.htm"
        "${tree}/public/index.html/x"
      ];
      expected = [
        "${tree}/public/a"
        "${tree}/public/a/b.css"
        "${tree}/public/index.html"
      ];
    };
    "the whole source" = {
      expr = taken (filterOf "" [ "a/b" ]) [
        "${tree}/a"
        "${tree}/a/b"
        "${tree}/b"
      ];
      expected = [
        "${tree}/a"
        "${tree}/a/b"
      ];
    };
    "in a store below another root, too" = {
      expr = taken public [
        "/other/root${tree}/public/index.html"
        "/other/root${tree}/public/x"
      ];
      expected = [ "/other/root${tree}/public/index.html" ];
    };
    "nothing outside the source" = {
      expr = taken public [ "/public/index.html" ];
      expected = [ ];
    };
  };
}
