{ lib }:
let
  inherit (lib.packages) get problems;
  package = name: {
    inherit name;
    type = "derivation";
  };
  set = {
    curl = package "curl";
    python3Packages = {
      requests = package "requests";
      urllib3 = package "urllib3";
    };
    elsewhere = package "elsewhere" // {
      meta.unsupported = true;
    };
    lib = { };
    removed = throw "removed was removed";
    text = "text";
  };
  large = builtins.listToAttrs (
    builtins.genList (n: {
      name = (if n < 3 then "a" else "b") + toString n;
      value = n;
    }) 600
  );
in
{
  problems = {
    "none for packages, wherever they are" = {
      expr = problems set [
        "curl"
        "python3Packages.requests"
      ];
      expected = [ ];
    };
    "a package that is not for the platform is unavailable" = {
      expr = problems set [ "elsewhere" ];
      expected = [
        {
          name = "elsewhere";
          reason = "unavailable";
          known = [ ];
        }
      ];
    };
    "an unknown name comes with those that are known" = {
      expr = problems set [ "crul" ];
      expected = [
        {
          name = "crul";
          reason = "unknown";
          known = [
            "curl"
            "elsewhere"
            "lib"
            "python3Packages"
            "removed"
            "text"
          ];
        }
      ];
    };
    "guesses are whole names: the last part" = {
      expr = map (problem: problem.known) (problems set [ "python3Packages.request" ]);
      expected = [
        [
          "python3Packages.requests"
          "python3Packages.urllib3"
        ]
      ];
    };
    "guesses are whole names: the first part" = {
      expr = builtins.elem "python3Packages.requests" (
        builtins.head (problems set [ "python3Package.requests" ])
      ).known;
      expected = true;
    };
    "nothing is guessed below what is no set" = {
      expr = map (problem: problem.known) (problems set [ "text.more" ]);
      expected = [ [ ] ];
    };
    "what is no package can't be used" = {
      expr = map (problem: "${problem.name}: ${problem.reason}") (
        problems set [
          "lib"
          "text"
          "removed"
          "python3Packages"
        ]
      );
      expected = [
        "lib: unusable"
        "text: unusable"
        "removed: unusable"
        "python3Packages: unusable"
      ];
    };
    "of a large set only names that begin alike" = {
      expr = (builtins.head (problems large [ "ax" ])).known;
      expected = [
        "a0"
        "a1"
        "a2"
      ];
    };
    "in the order of the names, every one" = {
      expr = map (problem: problem.name) (
        problems set [
          "z"
          "curl"
          "a"
        ]
      );
      expected = [
        "z"
        "a"
      ];
    };
  };
  get = {
    "by a name with dots" = {
      expr = (get set "python3Packages.urllib3").name;
      expected = "urllib3";
    };
  };
}
