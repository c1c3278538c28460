# Text for POSIX shells.
rec {
  # One word, whatever is in it.
  quote = text: "'" + builtins.replaceStrings [ "'" ] [ "'\\''" ] text + "'";

  # Several words, each quoted.
  arguments = words: builtins.concatStringsSep " " (map quote words);
}
