# buildEnv { name, paths, pathsToLink ? [ "/" ], ignoreCollisions ? false, postBuild ? "" }: like
# symlinkJoin, but a folder that one path alone provides is one link, and two different files at
# the same place are an error that names both.
pkgs:
{
  name,
  paths,
  pathsToLink ? [ "/" ],
  ignoreCollisions ? false,
  extraPrefix ? "",
  postBuild ? "",
  nativeBuildInputs ? [ ],
  meta ? { },
  passthru ? { },
  ...
}:
pkgs.runCommand name
  {
    inherit
      nativeBuildInputs
      meta
      passthru
      pathsToLink
      extraPrefix
      ;
    paths = map toString (pkgs.lib.filter (path: path != null) (pkgs.lib.flatten paths));
    ignoreCollisions = if ignoreCollisions then "1" else "";
  }
  ''
    . ${./build-env.sh}
    buildEnv
    ${postBuild}
  ''
