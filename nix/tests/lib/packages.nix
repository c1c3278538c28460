{ lib }:
let
  inherit (lib.packages)
    choose
    forRunning
    get
    problems
    ;
  package = name: {
    inherit name;
    type = "derivation";
    drvPath = "/nix/store/${name}.drv";
  };
  # A package with these outputs, as nixpkgs has it: it stands for its first.
  withOutputs =
    name: outputs:
    let
      output = outputName: package name // { inherit outputName outputs; } // each;
      each = builtins.listToAttrs (
        map (outputName: {
          name = outputName;
          value = output outputName;
        }) outputs
      );
    in
    output (builtins.head outputs);
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
    refused = package "refused" // {
      drvPath = throw "refused is broken, unfree or insecure";
    };
    first = withOutputs "first" [
      "out"
      "bin"
      "dev"
    ];
    headers = withOutputs "headers" [
      "dev"
      "doc"
      "lib"
      "out"
    ];
    manual = withOutputs "manual" [ "doc" ];
  };
  chosen = candidates: (choose set { curl = candidates; } [ "curl" ]).curl;
  outputsFor = name: map (found: found.outputName) (forRunning set name);
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
            "first"
            "headers"
            "lib"
            "manual"
            "python3Packages"
            "refused"
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
  choose = {
    "the first that the set has" = {
      expr = chosen [
        "curlMinimal"
        "python3Packages.requests"
        "python3Packages.urllib3"
      ];
      expected = "python3Packages.requests";
    };
    "the one that is named where there is no other" = {
      expr = choose set { } [
        "curl"
        "python3Packages.urllib3"
      ];
      expected = {
        curl = "curl";
        "python3Packages.urllib3" = "python3Packages.urllib3";
      };
    };
    "none that would not build: refused by the set, for another platform, gone, or no package" = {
      expr = chosen [
        "refused"
        "elsewhere"
        "removed"
        "removed.below"
        "lib"
        "text"
        "text.below"
      ];
      expected = "curl";
    };
  };
  forRunning = {
    "the first output" = {
      expr = outputsFor "first";
      expected = [ "out" ];
    };
    "all that programs run with, where the first is not for that" = {
      expr = outputsFor "headers";
      expected = [
        "out"
        "lib"
      ];
    };
    "an output that is asked for" = {
      expr = outputsFor "headers.dev" ++ outputsFor "headers.doc" ++ outputsFor "first.bin";
      expected = [
        "dev"
        "doc"
        "bin"
      ];
    };
    "what there is, where nothing is for running" = {
      expr = outputsFor "manual";
      expected = [ "doc" ];
    };
    "a package that says nothing of outputs" = {
      expr = map (found: found.name) (forRunning set "curl");
      expected = [ "curl" ];
    };
  };
  get = {
    "by a name with dots" = {
      expr = (get set "python3Packages.urllib3").name;
      expected = "urllib3";
    };
  };
}
