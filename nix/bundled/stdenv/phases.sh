# configurePhase to installPhase, and the order of them all.

configurePhase() {
  runHook preConfigure
  : "${configureScript:=./configure}"
  if [ -f "$configureScript" ] && [ -z "${dontUseConfigure-}" ]; then
    set --
    [ -n "${dontAddPrefix-}" ] || set -- "${prefixKey:---prefix=}${prefix:-$out}"
    if [ -z "${dontAddStaticConfigureFlags-}" ] && grep -q -e enable-shared "$configureScript"; then
      set -- "$@" --disable-shared --enable-static
    fi
    if grep -q -e enable-dependency-tracking "$configureScript"; then
      set -- "$@" --disable-dependency-tracking
    fi
    # shellcheck disable=SC2046 # words are meant
    set -- "$@" $(flagsOf configurePlatformFlags) $(flagsOf configureFlags)
    echo "configure flags: $*"
    "$shell" "$configureScript" "$@" || {
      [ ! -f config.log ] || tail -n 40 config.log
      die "configurePhase: $configureScript failed"
    }
  else
    echo "no configure script, nothing to configure"
  fi
  runHook postConfigure
}

hasMakefile() {
  [ -n "${makefile-}" ] || [ -e Makefile ] || [ -e makefile ] || [ -e GNUmakefile ]
}

# runMake TARGETS...: make with the flags of all phases.
runMake() {
  command -v make > /dev/null || die "make is not in the inputs: add gnumake to nativeBuildInputs"
  jobs=$NIX_BUILD_CORES
  [ -n "${enableParallelBuilding-1}" ] || jobs=1
  make ${makefile:+-f "$makefile"} "-j$jobs" "SHELL=$shell" $(flagsOf makeFlags) "$@"
}

buildPhase() {
  runHook preBuild
  if [ -z "$(flagsOf makeFlags)" ] && ! hasMakefile; then
    echo "no Makefile, nothing to build"
  else
    runMake $(flagsOf buildFlags)
  fi
  runHook postBuild
}

checkPhase() {
  runHook preCheck
  if hasMakefile; then runMake $(flagsOf checkFlags) "${checkTarget:-check}"; fi
  runHook postCheck
}

installPhase() {
  runHook preInstall
  if hasMakefile; then
    mkdir -p "${prefix:-$out}"
    # shellcheck disable=SC2086 # words are meant
    runMake $(flagsOf installFlags) ${installTargets:-install}
  else
    die "installPhase: no Makefile: set installPhase"
  fi
  runHook postInstall
}

installCheckPhase() {
  runHook preInstallCheck
  runHook postInstallCheck
}

# runPhase NAME: the attribute of that name where there is one, else the function above.
runPhase() {
  echo "== $1"
  text=$(valueOf "$1")
  if [ -n "$text" ]; then eval "$text"; else "$1"; fi
  if [ "$1" = unpackPhase ]; then
    [ -d "${sourceRoot:=.}" ] || die "unpackPhase: no folder $sourceRoot in the source"
    cd "$sourceRoot"
    [ -n "${dontPatchShebangs-}" ] || patchShebangs .
  fi
}

phaseIsWanted() {
  case "$1" in
    unpackPhase) [ -z "${dontUnpack-}" ] ;;
    patchPhase) [ -z "${dontPatch-}" ] ;;
    configurePhase) [ -z "${dontConfigure-}" ] ;;
    buildPhase) [ -z "${dontBuild-}" ] ;;
    checkPhase) [ -n "${doCheck-}" ] ;;
    installPhase) [ -z "${dontInstall-}" ] ;;
    fixupPhase) [ -z "${dontFixup-}" ] ;;
    installCheckPhase) [ -n "${doInstallCheck-}" ] ;;
    *) true ;;
  esac
}

genericBuild() {
  if [ -n "${buildCommandPath-}" ]; then
    . "$buildCommandPath"
    return
  fi
  if [ -n "${buildCommand-}" ]; then
    eval "$buildCommand"
    return
  fi
  : "${phases:=${prePhases-} unpackPhase patchPhase ${preConfigurePhases-} configurePhase \
    ${preBuildPhases-} buildPhase checkPhase ${preInstallPhases-} installPhase \
    ${preFixupPhases-} fixupPhase installCheckPhase ${postPhases-}}"
  for phase in $phases; do
    if phaseIsWanted "$phase"; then runPhase "$phase"; fi
  done
}
