// Tokens bound to a key: what a proof says, the nonce of a server, and the real server.

import assert from "node:assert/strict";
import { createHash, createPublicKey, createVerify } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";
import { ClientCore } from "@keyhaven/sdk/core.js";
import { signingKeysListSigningKeys } from "@keyhaven/sdk/funcs/signingKeysListSigningKeys.js";
import { clientCredentials } from "@keyhaven/sdk/tokens/clientCredentials.js";
import { startSignIn } from "@keyhaven/sdk/tokens/authorizationCode.js";
import { dpop } from "@keyhaven/sdk/tokens/dpop.js";
import { verifier } from "@keyhaven/sdk/server/verify.js";
import { startServer } from "../../../tests/clients/node/server.mjs";

const hash = (text) => createHash("sha256").update(text).digest("base64url");

/** The parts of a proof whose signature holds. */
function opened(proof) {
  const [header, claims, signature] = proof.split(".").map((part) => Buffer.from(part, "base64url"));
  const { jwk, ...told } = JSON.parse(header);
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const verify = createVerify("SHA256").update(proof.slice(0, proof.lastIndexOf(".")));
  assert.ok(verify.verify({ key, dsaEncoding: "ieee-p1363" }, signature));
  assert.deepEqual([told, jwk.d], [{ alg: "ES256", typ: "dpop+jwt" }, undefined]);
  return { jwk, ...JSON.parse(claims) };
}

/** A server that wants proofs with its nonce. */
async function serve(answer) {
  const seen = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const proof = request.headers.dpop && opened(request.headers.dpop);
    seen.push({ proof, path: request.url, method: request.method, body, authorization: request.headers.authorization });
    const [status, told] = answer(request.url, proof);
    response.writeHead(status, { "content-type": "application/json", "dpop-nonce": "n1" });
    response.end(JSON.stringify(told));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections()));
  return { url: `http://127.0.0.1:${server.address().port}`, seen, stop };
}

test("a bound token goes with a proof of its key, this request and the server's nonce", async () => {
  const { url, seen, stop } = await serve((path, { nonce }) => {
    if (path !== "/oauth2/token") return [200, { items: [] }];
    if (nonce !== "n1") return [400, { error: "use_dpop_nonce" }];
    return [200, { access_token: "t", token_type: "DPoP", expires_in: 600 }];
  });
  const fetch = dpop();
  const tokenSource = clientCredentials({ serverURL: url, clientId: "c", clientSecret: "s", fetch });
  const core = new ClientCore({ serverURL: url, tokenSource, fetch });
  const result = await signingKeysListSigningKeys(core);
  await stop();
  assert.ok(result.ok, String(result.error));
  const [first, second, third] = seen;
  assert.deepEqual(seen.map(({ path, proof }) => [path, proof.nonce]), [["/oauth2/token", undefined], ["/oauth2/token", "n1"], ["/v1/signing-keys", "n1"]]);
  assert.equal(second.body, first.body);
  assert.deepEqual([third.proof.htm, third.proof.htu, third.proof.ath], ["GET", `${url}/v1/signing-keys`, hash("t")]);
  assert.equal(third.authorization, "DPoP t");
  assert.equal(new Set(seen.map(({ proof }) => proof.jti)).size, 3);
  assert.deepEqual(new Set(seen.map(({ proof }) => JSON.stringify(proof.jwk))).size, 1);
  const { crv, kty, x, y } = third.proof.jwk;
  assert.equal(await fetch.thumbprint(), hash(JSON.stringify({ crv, kty, x, y })));
});

test("another refusal is not repeated, and a bearer token needs no proof", async () => {
  const { url, seen, stop } = await serve((path) => (path === "/oauth2/token" ? [400, { error: "invalid_grant" }] : [200, { items: [] }]));
  const fetch = dpop();
  await assert.rejects(clientCredentials({ serverURL: url, clientId: "c", fetch }).token({}), { error: "invalid_grant" });
  assert.ok((await signingKeysListSigningKeys(new ClientCore({ serverURL: url, security: "t", fetch }))).ok);
  await stop();
  assert.deepEqual(seen.map(({ proof }) => !!proof), [true, false]);
});

test("a sign-in names the key its code is for", async () => {
  const issuer = "https://auth.example";
  const fetch = dpop();
  const metadata = { issuer, authorization_endpoint: `${issuer}/authorize` };
  const { url } = await startSignIn({ serverURL: issuer, clientId: "c", redirectUri: "https://app.example/cb", metadata, fetch });
  assert.equal(new URL(url).searchParams.get("dpop_jkt"), await fetch.thumbprint());
});

test("the real server binds a token, with its nonce", async () => {
  const server = await startServer({ settings: { KEYHAVEN_DPOP_NONCES: "required" } });
  try {
    const words = ["client", "create", "--name", "Bound", "--dpop", "required", "--scope", "/ping.read", "--grant", "client_credentials"];
    const { client_id: clientId, client_secret: clientSecret } = server.command(...words, "--token-format", "jwt");
    const serverURL = `http://localhost:${server.port}`;
    const fetch = dpop();
    const token = await clientCredentials({ serverURL, clientId, clientSecret, fetch }).token({});
    assert.equal(token.tokenType, "DPoP");
    const claims = await verifier({ issuer: serverURL, audience: serverURL })(token.accessToken);
    assert.equal(claims.cnf.jkt, await fetch.thumbprint());
  } finally {
    await server.stop();
  }
});
