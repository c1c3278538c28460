# Names of store paths.
{
  # Any text as a name that the store takes: what it does not is "_", a leading dot too.
  # https://nixos.org/manual/nix/stable/store/store-path
  storeName =
    text:
    let
      pieces = builtins.filter builtins.isString (builtins.split "[^a-zA-Z0-9+._?=-]+" text);
      plain = builtins.substring 0 160 (builtins.concatStringsSep "_" pieces);
    in
    if plain == "" || builtins.substring 0 1 plain == "." then "_" + plain else plain;
}
