# The builder of every derivation of mkDerivation.
. "$stdenv/setup"
# why: phases of package expressions may name variables that nobody set.
set +u
genericBuild
