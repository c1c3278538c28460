# mkDerivation attrs, or mkDerivation (finalAttrs: attrs).
{
  lib,
  buildSystem,
  buildPlatform,
  hostPlatform,
  isCross,
  shell,
  notForTheBuilder,
  toolchain,
  hasCompiler,
  environmentOf,
}:

let
  # why: without the platform, which nixpkgs adds when it cross-compiles, a package has the same name
  # however it comes about, and images compare equal but for store hashes.
  nameOf =
    attrs: attrs.name or (attrs.pname + lib.optionalString (attrs ? version) "-${attrs.version}");

  outputsOf = getOutput: inputs: map getOutput (lib.filter (i: i != null) (lib.flatten inputs));

  # configure's --host and --build, in cross builds only, as nixpkgs does by default.
  platformFlags = lib.optionals isCross [
    "--build=${buildPlatform.config}"
    "--host=${hostPlatform.config}"
  ];

  derivationOf =
    attrs:
    let
      stdenv = environmentOf attrs;
      cleaned = removeAttrs attrs notForTheBuilder;
    in
    derivation (
      cleaned
      // (attrs.env or { })
      // {
        name = nameOf attrs;
        system = buildSystem;
        builder = attrs.builder or shell;
        args =
          attrs.args or [
            "-e"
            ./builder.sh
          ];
        inherit stdenv;
        outputs = attrs.outputs or [ "out" ];
        nativeBuildInputs = outputsOf lib.getBin (attrs.nativeBuildInputs or [ ]);
        buildInputs = outputsOf lib.getDev (attrs.buildInputs or [ ]);
        propagatedBuildInputs = outputsOf lib.getDev (attrs.propagatedBuildInputs or [ ]);
        configurePlatformFlags = attrs.configurePlatformFlags or platformFlags;
      }
      # What runs must not bring what compiled it: Nix itself refuses the output.
      // lib.optionalAttrs (hasCompiler && !(attrs.allowToolchainReferences or false)) {
        disallowedReferences = toolchain ++ [ stdenv ] ++ attrs.disallowedReferences or [ ];
      }
    );

  metaOf =
    attrs:
    let
      given = {
        name = nameOf attrs;
        platforms = lib.platforms.linux;
      }
      // attrs.meta or { };
      unsupported = !(lib.elem hostPlatform.system given.platforms);
    in
    {
      inherit unsupported;
      available = !unsupported;
    }
    // given;

  # The derivation with what nixpkgs hangs on it, on each of its outputs.
  decorate =
    attrs: extra:
    let
      drv = derivationOf attrs;
      common =
        extra
        // lib.optionalAttrs (attrs ? pname) { inherit (attrs) pname; }
        // lib.optionalAttrs (attrs ? version) { inherit (attrs) version; }
        // lib.optionalAttrs (attrs ? src) { inherit (attrs) src; }
        // {
          meta = metaOf attrs;
          passthru = attrs.passthru or { };
          inherit (drv) outputs;
        }
        // attrs.passthru or { };
      decorateOutput =
        name:
        drv.${name}
        // common
        // {
          outputSpecified = true;
        }
        // outputs;
      outputs = lib.genAttrs drv.outputs decorateOutput;
    in
    drv // common // outputs;

  make =
    rattrs:
    let
      finalPackage = decorate attrs { inherit overrideAttrs; };
      final = attrs // {
        inherit finalPackage;
      };
      attrs = rattrs final;
      overrideAttrs =
        change:
        make (
          self:
          let
            previous = rattrs self;
            changed = if builtins.isFunction change then change else _: change;
            # Both nixpkgs forms: `old: { }` and `final: old: { }`.
            first = changed previous;
          in
          previous // (if builtins.isFunction first then change self previous else first)
        );
    in
    finalPackage;
in
fnOrAttrs: make (if builtins.isFunction fnOrAttrs then fnOrAttrs else _: fnOrAttrs)
