// The JavaScript client of Sigstore, asked by a JSON document on stdin: `node client.cjs`.
//
// {"verify": [BUNDLE, ...], "root": TRUSTED_ROOT, "identity": "...", "issuer": "..."}  by identity
// {"verify": [BUNDLE, ...], "key": {"hint": "...", "spki": "BASE64"}}                  by key
//     prints a list: null for each bundle that verifies, else why it does not.
// {"sign": "BASE64", "type": "...", "config": SIGNING_CONFIG, "token": "..."}  by identity
// {"sign": "BASE64", "type": "...", "key": {"hint": "...", "pem": "..."}}      by key
//     prints the bundle.
//
// Each BUNDLE is the text of one, so that what is verified are the bytes that were attached.
"use strict";

const crypto = require("node:crypto");
const { readFileSync } = require("node:fs");
const { bundleFromJSON, bundleToJSON } = require("@sigstore/bundle");
const { SigningConfig, TrustedRoot } = require("@sigstore/protobuf-specs");
const { DSSEBundleBuilder, bundleBuilderFromSigningConfig } = require("@sigstore/sign");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

// why: a key's bundle has no log entry, no time and no certificate; one is asked for by default.
const KEY_ONLY = { tlogThreshold: 0, timestampThreshold: 0, ctlogThreshold: 0 };

function verifierOf({ root, key, identity, issuer }) {
  if (key) {
    const keys = { [key.hint]: { rawBytes: Buffer.from(key.spki, "base64") } };
    const material = toTrustMaterial(TrustedRoot.fromJSON({}), keys);
    return [new Verifier(material, KEY_ONLY), undefined];
  }
  // why a pattern: a text would be taken for one that matches anywhere.
  const whole = `^${identity.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`;
  const policy = { subjectAlternativeName: new RegExp(whole), extensions: { issuer } };
  return [new Verifier(toTrustMaterial(TrustedRoot.fromJSON(root))), policy];
}

function verify(asked) {
  const [verifier, policy] = verifierOf(asked);
  return asked.verify.map((text) => {
    try {
      verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(text))), policy);
      return null;
    } catch (error) {
      return `${error.name}: ${error.message}`;
    }
  });
}

function keySigner({ hint, pem }) {
  const publicKey = crypto.createPublicKey(pem).export({ type: "spki", format: "pem" });
  const key = { $case: "publicKey", publicKey, hint };
  return { sign: async (data) => ({ signature: crypto.sign("sha256", data, pem), key }) };
}

function builderOf({ config, token, key }) {
  if (key) return new DSSEBundleBuilder({ signer: keySigner(key), witnesses: [] });
  return bundleBuilderFromSigningConfig({
    signingConfig: SigningConfig.fromJSON(config),
    identityProvider: { getToken: async () => token },
    bundleType: "dsseEnvelope",
    fetchOptions: { retry: false, timeout: 10000 },
  });
}

async function sign(asked) {
  const artifact = { data: Buffer.from(asked.sign, "base64"), type: asked.type };
  return bundleToJSON(await builderOf(asked).create(artifact));
}

async function main() {
  const asked = JSON.parse(readFileSync(0, "utf8"));
  const answer = asked.verify ? verify(asked) : await sign(asked);
  process.stdout.write(JSON.stringify(answer));
}

main();
