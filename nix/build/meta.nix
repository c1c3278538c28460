# What the set knows of the packages that an image is made of, for its bill of materials.
#
# app: what was built for it, or null
# packages: those that are in it or that the app was built with
# gives { app, packages, static }: `app` is a path or null, `packages` has one element for each
# output: { path, pname, version, description, homepage, licenses, cpe, purl, inputs }; `inputs` are
# the paths of what the package was built with. Texts and lists are empty where nothing is known.
# Nothing is built, and nothing fails for a `meta` that can't be evaluated.
{
  pkgs,
  app,
  packages,
}:

let
  # The value, or `default` where evaluating it fails.
  attempt =
    default: value:
    let
      tried = builtins.tryEval (builtins.deepSeq value value);
    in
    if tried.success then tried.value else default;

  text =
    value:
    let
      tried = attempt "" value;
    in
    if builtins.isString tried then builtins.unsafeDiscardStringContext tried else "";

  isPackage =
    value:
    let
      tried = builtins.tryEval (builtins.isAttrs value && value.type or null == "derivation");
    in
    tried.success && tried.value;

  pathOf = package: builtins.unsafeDiscardStringContext package.outPath;
  exists = package: isPackage package && (builtins.tryEval (pathOf package)).success;

  flatten = value: if builtins.isList value then builtins.concatMap flatten value else [ value ];
  inputsOf =
    package:
    builtins.filter exists (
      flatten ((package.buildInputs or [ ]) ++ (package.propagatedBuildInputs or [ ]))
    );

  # Programs of all that is dynamically linked in nixpkgs have these, which are nobody's buildInputs.
  ofTheToolchain = builtins.filter exists [
    (pkgs.stdenv.cc.libc or null)
    (pkgs.stdenv.cc.cc.lib or null)
    (pkgs.stdenv.cc.cc.libgcc or null)
  ];

  # why by hand on the bundled set: its own packages are few, and scripts may name any of them.
  known = map (name: pkgs.${name}) (pkgs.nixgen.packages or [ ]);

  found = builtins.genericClosure {
    startSet = map toNode (builtins.filter exists ([ app ] ++ packages ++ known ++ ofTheToolchain));
    operator = node: map toNode (inputsOf node.package);
  };
  toNode = package: {
    key = pathOf package;
    inherit package;
  };

  licenseOf =
    license:
    if builtins.isString license then
      license
    else
      license.spdxId or license.fullName or license.shortName or "";
  licensesOf =
    meta: builtins.filter (name: name != "") (map (one: text (licenseOf one)) (flatten (meta.license or [ ])));

  describe =
    package: output:
    let
      meta = package.meta or { };
      identifiers = meta.identifiers or { };
      homepages = flatten (meta.homepage or [ ]);
    in
    {
      path = pathOf output;
      pname = text (package.pname or "");
      version = text (package.version or "");
      description = text (meta.description or "");
      homepage = if homepages == [ ] then "" else text (builtins.head homepages);
      licenses = attempt [ ] (licensesOf meta);
      cpe = text (identifiers.cpe or "");
      purl = text (identifiers.purl or "");
      inputs = map pathOf (inputsOf package);
    };

  outputsOf =
    package:
    let
      outputs = map (name: package.${name} or null) (package.outputs or [ ]);
    in
    [ package ] ++ builtins.filter exists outputs;

  # path -> description, so that each path is there once and in order.
  byPath = builtins.listToAttrs (
    builtins.concatMap (
      node:
      map (output: {
        name = pathOf output;
        value = describe node.package output;
      }) (outputsOf node.package)
    ) found
  );
in
{
  app = if app == null then null else pathOf app;
  packages = builtins.attrValues byPath;

  # Whether programs of the set hold the libraries that they were built with.
  static = pkgs.nixgen.static or false;
}
