# Errors that the command line understands: one line of JSON behind a fixed mark.
{
  # kind: a word; details: an attribute set of plain data.
  raise = kind: details: throw "nixgen-error:${builtins.toJSON (details // { inherit kind; })}";
}
