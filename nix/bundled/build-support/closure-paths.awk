# The paths of an exported references graph: path, deriver, number of references, references.
{
  print
  getline
  getline references
  for (n = references + 0; n > 0; n--) getline
}
