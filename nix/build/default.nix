# From plain data (what the plan decided) to derivations: one image conf per platform.
#
# set:     { kind = "bundled"; } or { kind = "path"; tree = <tree of a nixpkgs checkout>; }
# source:  the project's filtered source tree, or null where nothing of it is used
# images:  list of image data, see image.nix; each has the system that it is built on and the one
#          that it is for
# machineSystem: the system of the machine that writes the images
{
  set,
  source,
  machineSystem,
  images,
}:

let
  lib = import ../lib;
  packageSet = import ./package-set.nix { inherit lib set machineSystem; };

  problemsOf =
    image:
    map (found: found // { platform = image.platform; }) (
      lib.packages.problems (packageSet.for image) (import ./wanted.nix image)
    );
  problems = builtins.concatMap problemsOf images;

  checked =
    value:
    if problems == [ ] then
      value
    else
      lib.errors.raise "unknown-packages" { packages = problems; };

  buildImage = image: {
    name = image.slug;
    value = checked (import ./image.nix {
      inherit lib image source;
      pkgs = packageSet.for image;
    });
  };
  compressor =
    compression: name:
    packageSet.machine.${name} or (lib.errors.raise "no-compressor" { inherit compression name; });
in
{
  images = builtins.listToAttrs (map buildImage images);

  # Programs that the writer runs, on its own machine, from the same pinned set.
  compressors = {
    zstd = compressor "zstd" "zstd";
    gzip = compressor "gzip" "pigz";
  };
}
