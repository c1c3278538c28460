# The tests of nix/lib. One file per file of the library: an attribute per function, in it an
# attribute per test: { expr, expected }.
#
#   nix-instantiate --eval --strict --json nix/tests/lib
#
# failures: tests whose expr is not what was expected; untested: functions without a test;
# stray: tests of functions that are not there; count: how many tests there are.
let
  lib = import ../../lib;
  subjects = builtins.attrNames lib;

  testsOf = subject: import (./. + "/${subject}.nix") { inherit lib; };

  casesOf =
    subject:
    builtins.concatMap (
      function:
      let
        tests = (testsOf subject).${function};
      in
      map (name: tests.${name} // { name = "${subject}.${function}: ${name}"; }) (
        builtins.attrNames tests
      )
    ) (builtins.attrNames (testsOf subject));
  cases = builtins.concatMap casesOf subjects;

  without =
    known: names: builtins.filter (name: !(builtins.elem name known)) (builtins.attrNames names);
  under = subject: map (name: "${subject}.${name}");
  tested =
    tests: builtins.filter (function: tests.${function} != { }) (builtins.attrNames tests);
in
{
  count = builtins.length cases;
  failures = map (case: {
    inherit (case) name expected;
    found = case.expr;
  }) (builtins.filter (case: case.expr != case.expected) cases);
  untested = builtins.concatMap (
    subject: under subject (without (tested (testsOf subject)) lib.${subject})
  ) subjects;
  stray = builtins.concatMap (
    subject: under subject (without (builtins.attrNames lib.${subject}) (testsOf subject))
  ) subjects;
}
