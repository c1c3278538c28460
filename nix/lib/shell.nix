# Text for POSIX shells and for make.
rec {
  # One word, whatever is in it.
  quote = text: "'" + builtins.replaceStrings [ "'" ] [ "'\\''" ] text + "'";

  # One word, quoted where it needs to be.
  word = text: if builtins.match "[a-zA-Z0-9_@%+=:,./-]+" text == null then quote text else text;

  # Several words, each as itself.
  arguments = words: builtins.concatStringsSep " " (map word words);

  # `NAME=words` as one word for make's command line; make's recipes see the words as given.
  # https://www.gnu.org/software/make/manual/html_node/Splitting-Recipe-Lines.html
  makeVariable =
    name: words: quote "${name}=${builtins.replaceStrings [ "$" ] [ "$$" ] (arguments words)}";
}
