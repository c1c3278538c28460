{ lib }:
{
  raise = {
    "throws, so that it can be caught" = {
      expr = (builtins.tryEval (lib.errors.raise "kind" { a = 1; })).success;
      expected = false;
    };
    "is not evaluated before it is needed" = {
      expr = builtins.length [ (lib.errors.raise "kind" { }) ];
      expected = 1;
    };
  };
}
