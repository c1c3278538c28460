# What the inputs bring: programs on PATH, headers and libraries for the compiler, setup hooks.

# addBuildInput PACKAGE: something of the host platform, for the program being built.
addBuildInput() {
  case " ${seenBuildInputs-} " in *" $1 "*) return 0 ;; esac
  seenBuildInputs="${seenBuildInputs-} $1"
  if [ -d "$1/include" ]; then
    # The name of a header (in assert, say) must not tie the program to the package's headers.
    NIX_CFLAGS_COMPILE="${NIX_CFLAGS_COMPILE-} -isystem $1/include -fmacro-prefix-map=$1=/include"
  fi
  [ ! -d "$1/lib" ] || NIX_LDFLAGS="${NIX_LDFLAGS-} -L$1/lib"
  addToSearchPath PKG_CONFIG_PATH "$1/lib/pkgconfig"
  # why only here: programs of the host platform run in a native build alone.
  [ -n "$cross" ] || addToSearchPath PATH "$1/bin"
  followInput "$1" addBuildInput
}

# addNativeInput PACKAGE: something of the build platform, to be run in the build.
addNativeInput() {
  case " ${seenNativeInputs-} " in *" $1 "*) return 0 ;; esac
  seenNativeInputs="${seenNativeInputs-} $1"
  addToSearchPath PATH "$1/bin"
  if [ -n "$cross" ] || [ -z "${strictDeps-}" ]; then
    if [ -d "$1/include" ]; then
      NIX_CFLAGS_COMPILE_FOR_BUILD="${NIX_CFLAGS_COMPILE_FOR_BUILD-} -isystem $1/include"
    fi
    [ ! -d "$1/lib" ] || NIX_LDFLAGS_FOR_BUILD="${NIX_LDFLAGS_FOR_BUILD-} -L$1/lib"
  fi
  followInput "$1" addNativeInput
}

followInput() {
  if [ -f "$1/nix-support/propagated-build-inputs" ]; then
    for propagated in $(cat "$1/nix-support/propagated-build-inputs"); do "$2" "$propagated"; done
  fi
  if [ -f "$1/nix-support/setup-hook" ]; then . "$1/nix-support/setup-hook"; fi
}

useCompiler() {
  export CC="${ccPrefix}cc" AR="${ccPrefix}ar" RANLIB="${ccPrefix}ranlib" LD="${ccPrefix}ld"
  export STRIP="${ccPrefix}strip" OBJCOPY="${ccPrefix}objcopy"
  export NIX_HOST_CONFIG="$hostConfig"
  export CC_FOR_BUILD="$buildCc" HOSTCC="$buildCc"
  [ ! -x "$cc/bin/${ccPrefix}c++" ] || export CXX="${ccPrefix}c++"
  PATH="$cc/bin:$PATH"
  [ -z "$cross" ] || PATH="$PATH:${buildCc%/*}"
}

[ -z "$cc" ] || useCompiler
for package in ${depsBuildBuild-} ${nativeBuildInputs-} ${propagatedNativeBuildInputs-}; do
  addNativeInput "$package"
done
for package in ${buildInputs-} ${propagatedBuildInputs-}; do addBuildInput "$package"; done
if [ -n "${doCheck-}" ]; then
  for package in ${nativeCheckInputs-}; do addNativeInput "$package"; done
  for package in ${checkInputs-}; do addBuildInput "$package"; done
fi
export NIX_CFLAGS_COMPILE="${NIX_CFLAGS_COMPILE-}" NIX_LDFLAGS="${NIX_LDFLAGS-}"
export NIX_CFLAGS_COMPILE_FOR_BUILD="${NIX_CFLAGS_COMPILE_FOR_BUILD-}"
export NIX_LDFLAGS_FOR_BUILD="${NIX_LDFLAGS_FOR_BUILD-}"
# There is no /bin/sh in the sandbox, which is what make takes where nothing else is said.
export MAKEFLAGS="${MAKEFLAGS:+$MAKEFLAGS }SHELL=$shell"
