# From an exported references graph to layers, by popularity: the paths that most others need,
# directly or not, get a layer each, and those that are left share the last one.
#
# in:   path, deriver, number of references, references; over and over
# out:  a JSON list of lists of store paths
# vars: limit = most layers there may be; exclude = paths that no layer is to have
#
# The order is total: referrers descending, then path. Every path is in exactly one layer.

{
  path = $0
  getline # the deriver
  getline count
  known[path] = 1
  for (n = 1; n <= count; n++) {
    getline reference
    if (reference != path && !((path, reference) in edge)) {
      edge[path, reference] = 1
      references[path] = references[path] reference "\n"
    }
  }
}

# Counts `root` as a referrer of all it leads to.
function visit(root, path,    list, n, i) {
  n = split(references[path], list, "\n")
  for (i = 1; i < n; i++) {
    if (list[i] == root || (root, list[i]) in seen) continue
    seen[root, list[i]] = 1
    referrers[list[i]]++
    visit(root, list[i])
  }
}

function before(a, b) {
  if (referrers[a] + 0 != referrers[b] + 0) return referrers[a] + 0 > referrers[b] + 0
  return a < b
}

END {
  if (limit < 1) {
    print "error: an image needs at least 2 layers: one for store paths, one for the rest" > "/dev/stderr"
    exit 1
  }
  for (path in known) if (!(path in without)) paths[++total] = path
  for (i = 1; i <= total; i++) visit(paths[i], paths[i])
  for (i = 2; i <= total; i++) {
    path = paths[i]
    for (j = i - 1; j >= 1 && before(path, paths[j]); j--) paths[j + 1] = paths[j]
    paths[j + 1] = path
  }
  printf "["
  for (i = 1; i <= total; i++) {
    if (i == 1) printf "["
    else if (i <= limit) printf "], ["
    else printf ", "
    printf "\"%s\"", paths[i]
  }
  print total ? "]]" : "]"
}

BEGIN {
  excluded = split(exclude, list, " ")
  for (i = 1; i <= excluded; i++) without[list[i]] = 1
}
