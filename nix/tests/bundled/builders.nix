# The trivial builders.
pkgs:
let
  inherit (pkgs) runCommand;

  tree =
    name: script:
    runCommand name { } ''
      mkdir "$out"
      cd "$out"
      ${script}
    '';
  one = tree "one" ''
    mkdir -p bin share/one share/both
    echo 1 > bin/one; echo same > share/both/same; echo 1 > share/both/1; echo 1 > share/one/file
  '';
  two = tree "two" ''
    mkdir -p bin share/both
    echo 2 > bin/two; echo same > share/both/same; echo 2 > share/both/2
  '';
  clash = tree "clash" "mkdir bin; echo other > bin/one";

  joined = pkgs.symlinkJoin {
    name = "joined";
    paths = [
      one
      clash
      two
    ];
    postBuild = "touch $out/after";
  };
  environment = pkgs.buildEnv {
    name = "environment";
    paths = [
      one
      two
    ];
  };
  part = pkgs.buildEnv {
    name = "part";
    paths = [
      one
      two
    ];
    pathsToLink = [ "/share/both" ];
  };
  script = pkgs.writeShellScriptBin "say" ''
    words=(it "works")
    echo "''${words[@]}"
  '';

  check =
    name: text:
    runCommand "test-${name}" { } ''
      . ${./expect.sh}
      ${text}
      touch "$out"
    '';
in
{
  symlink-join = check "symlink-join" ''
    expect 1 "$(cat ${joined}/bin/one)"
    expect 2 "$(cat ${joined}/bin/two)"
    [ -d ${joined}/share/one ] && [ ! -L ${joined}/share/one ] && [ -e ${joined}/after ]
  '';

  build-env = check "build-env" ''
    expect 1 "$(cat ${environment}/bin/one)"
    expect "1 2 same" "$(cat ${environment}/share/both/* | tr '\n' ' ' | sed 's/ $//')"
    expect ${one}/share/one "$(readlink ${environment}/share/one)"
    expect both "$(ls ${part}/share)"
    [ ! -e ${part}/bin ]
  '';

  build-env-refuses-collisions-and-names-both = check "collision" ''
    collide() (
      out=$PWD/result extraPrefix= pathsToLink=/ ignoreCollisions= paths="${one} ${clash}"
      . ${../../bundled/build-support/build-env.sh}
      buildEnv
    )
    expectFailure "/bin/one is provided by both ${one}/bin/one and ${clash}/bin/one" collide
  '';

  texts = check "texts" ''
    expect 'it works' "$(${script}/bin/say)"
    expect 'a $b "c"' "$(cat ${pkgs.writeText "text" ''a $b "c"''})"
    expect x "$(cat ${pkgs.writeTextDir "a/b" "x"}/a/b)"
    [ -x ${pkgs.writeScript "s" "x"} ] && [ ! -x ${pkgs.writeText "t" "x"} ]
  '';

  closure-info =
    let
      inner = pkgs.writeText "inner" "x";
      outer = pkgs.writeText "outer" "${inner}";
      info = pkgs.closureInfo { rootPaths = [ outer ]; };
    in
    check "closure-info" ''
      expect "$(printf '%s\n' ${inner} ${outer} | sort)" "$(cat ${info}/store-paths)"
    '';
}
