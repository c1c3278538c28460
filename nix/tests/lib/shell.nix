{ lib }:
let
  inherit (lib.shell)
    arguments
    makeVariable
    quote
    word
    ;
in
{
  quote = {
    "anything is one word" = {
      expr = quote "a b $c `d` \"e\" \\";
      expected = "'a b $c `d` \"e\" \\'";
    };
    "a single quote" = {
      expr = quote "it's";
      expected = "'it'\\''s'";
    };
    "nothing" = {
      expr = quote "";
      expected = "''";
    };
  };
  word = {
    "a plain word stays" = {
      expr = word "-Wl,-z,now=/a_b+c@d%e:1.0";
      expected = "-Wl,-z,now=/a_b+c@d%e:1.0";
    };
    "no word is a quoted one" = {
      expr = word "";
      expected = "''";
    };
    "what a shell would expand is quoted" = {
      expr = map word [
        "*"
        "~"
        "$x"
        "a\nb"
        "ü"
      ];
      expected = [
        "'*'"
        "'~'"
        "'$x'"
        "'a\nb'"
        "'ü'"
      ];
    };
  };
  arguments = {
    "each one word" = {
      expr = arguments [
        "-O2"
        "a b"
      ];
      expected = "-O2 'a b'";
    };
    "none" = {
      expr = arguments [ ];
      expected = "";
    };
  };
  makeVariable = {
    "words that make hands on as they are" = {
      expr = makeVariable "CFLAGS" [
        "-O2"
        "-DX=\"$y\""
      ];
      expected = "'CFLAGS=-O2 '\\''-DX=\"$$y\"'\\'''";
    };
  };
}
