# For packages whose own build is no more than "compile these files": no make needed.

# compileObjects FOLDER FLAGS SOURCE...: one object in FOLDER for each source, on all cores.
compileObjects() {
  objectFolder=$1
  objectFlags=$2
  shift 2
  mkdir -p "$objectFolder"
  worker=0
  workers=
  while [ "$worker" -lt "$NIX_BUILD_CORES" ]; do
    compileShare "$worker" "$@" &
    workers="$workers $!"
    worker=$((worker + 1))
  done
  for worker in $workers; do wait "$worker" || die "a file did not compile"; done
}

# Every NIX_BUILD_CORES-th of the sources.
compileShare() {
  share=$1
  shift
  number=0
  for source; do
    if [ $((number % NIX_BUILD_CORES)) -eq "$share" ]; then
      object=$(echo "${source%.*}" | tr / _)
      # shellcheck disable=SC2086 # words are meant
      $CC $objectFlags -c "$source" -o "$objectFolder/$object.o"
    fi
    number=$((number + 1))
  done
}

# makeArchive LIBRARY OBJECT...: a static library, its members in the order given.
makeArchive() {
  archive=$1
  shift
  rm -f "$archive"
  $AR rc "$archive" "$@"
  $RANLIB "$archive"
}
