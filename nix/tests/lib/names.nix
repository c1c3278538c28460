{ lib }:
let
  inherit (lib.names) storeName;
  long = builtins.concatStringsSep "" (builtins.genList (_: "0123456789") 30);
in
{
  storeName = {
    "what the store takes stays" = {
      expr = storeName "Shop-1.2+b_3=4?.tar";
      expected = "Shop-1.2+b_3=4?.tar";
    };
    "everything else is one underscore a run" = {
      expr = storeName "it's $x\n\"q\" ü/é";
      expected = "it_s_x_q_";
    };
    "no leading dot" = {
      expr = storeName ".bashrc";
      expected = "_.bashrc";
    };
    "never empty" = {
      expr = storeName "";
      expected = "_";
    };
    "short enough for any store" = {
      expr = builtins.stringLength (storeName long);
      expected = 160;
    };
  };
}
