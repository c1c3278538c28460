# Pure functions over plain data: no package set, no derivations. One file per subject.
{
  attrs = import ./attrs.nix;
  entries = import ./entries.nix;
  errors = import ./errors.nix;
  names = import ./names.nix;
  packages = import ./packages.nix;
  shell = import ./shell.nix;
  source = import ./source.nix;
}
