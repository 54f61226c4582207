// Token sources beside client credentials, how clients prove themselves, stores, and signing in.

import assert from "node:assert/strict";
import { createVerify, generateKeyPairSync, webcrypto } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { OAuthError, InvalidRequestError } from "@keyhaven/sdk/models/errors.js";
import { finishSignIn, signInOnLoopback, startSignIn } from "@keyhaven/sdk/tokens/authorizationCode.js";
import { clientCredentials } from "@keyhaven/sdk/tokens/clientCredentials.js";
import { deviceCode } from "@keyhaven/sdk/tokens/deviceCode.js";
import { fileStore } from "@keyhaven/sdk/tokens/fileStore.js";
import { jwtBearer } from "@keyhaven/sdk/tokens/jwtBearer.js";
import { privateKeyJwt } from "@keyhaven/sdk/tokens/privateKeyJwt.js";
import { refreshToken } from "@keyhaven/sdk/tokens/refreshToken.js";
import { sessionStore } from "@keyhaven/sdk/tokens/sessionStore.js";
import { staticToken } from "@keyhaven/sdk/tokens/staticToken.js";
import { tokenStore } from "@keyhaven/sdk/tokens/store.js";
import { tokenExchange } from "@keyhaven/sdk/tokens/tokenExchange.js";
import { startFaults } from "./server.mjs";

let faults;
before(async () => (faults = await startFaults()));
after(() => faults.stop());

const granted = (name) => ({ status: 200, body: { access_token: name, token_type: "Bearer", expires_in: 600 } });
const formOf = ({ body }) => Object.fromEntries(new URLSearchParams(body));

test("an exchange names the subject, the actor and what it is for", async () => {
  const told = await faults.tell([granted("t")]);
  const source = tokenExchange({
    serverURL: told.url,
    clientId: "c",
    subjectToken: async () => "subject",
    actorToken: "actor",
    audience: "api",
    scope: ["a", "b"],
  });
  assert.equal((await source.token({})).accessToken, "t");
  assert.deepEqual(formOf((await told.came())[0]), {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: "subject",
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
    actor_token: "actor",
    actor_token_type: "urn:ietf:params:oauth:token-type:access_token",
    audience: "api",
    scope: "a b",
    client_id: "c",
  });
});

test("an assertion is asked for anew for every token", async () => {
  const told = await faults.tell([granted("t1"), granted("t2")]);
  let asked = 0;
  const source = jwtBearer({ serverURL: told.url, clientId: "c", assertion: () => `a${++asked}` });
  source.invalidate(await source.token({}));
  await source.token({});
  assert.deepEqual((await told.came()).map((one) => formOf(one).assertion), ["a1", "a2"]);
});

test("a static token is always itself", async () => {
  const source = staticToken("mine");
  source.invalidate(await source.token({}));
  assert.equal((await source.token({})).accessToken, "mine");
});

test("a client proves itself with its key, for this endpoint, once", async () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pkcs8 = pair.privateKey.export({ type: "pkcs8", format: "der" });
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const key = await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  const told = await faults.tell([granted("t1"), granted("t2")]);
  const authentication = privateKeyJwt({ clientId: "c", key, keyId: "k1" });
  const source = clientCredentials({ serverURL: told.url, clientId: "c", authentication });
  source.invalidate(await source.token({}));
  await source.token({});
  const forms = (await told.came()).map(formOf);
  const claims = forms.map(({ client_assertion }) => {
    const [header, body, signature] = client_assertion.split(".");
    const verify = createVerify("SHA256").update(`${header}.${body}`);
    const against = { key: pair.publicKey, dsaEncoding: "ieee-p1363" };
    assert.ok(verify.verify(against, Buffer.from(signature, "base64url")));
    assert.equal(JSON.parse(Buffer.from(header, "base64url")).kid, "k1");
    return JSON.parse(Buffer.from(body, "base64url"));
  });
  assert.deepEqual([claims[0].iss, claims[0].sub, claims[0].aud], ["c", "c", told.url]);
  assert.ok(claims[0].exp - claims[0].iat <= 60);
  assert.notEqual(claims[0].jti, claims[1].jti);
});

test("a device waits until the person has answered", async () => {
  const begun = { device_code: "d", user_code: "ABCD", verification_uri: "https://x.example/device", expires_in: 60, interval: 0.01 };
  const pending = { status: 400, body: { error: "authorization_pending" } };
  const told = await faults.tell([{ status: 200, body: begun }, pending, pending, granted("t")]);
  const prompts = [];
  const token = await deviceCode({ serverURL: told.url, clientId: "c", prompt: (prompt) => void prompts.push(prompt) });
  assert.equal(token.accessToken, "t");
  assert.equal(prompts[0].userCode, "ABCD");
  const came = await told.came();
  assert.equal(came.length, 4);
  assert.equal(formOf(came[3]).device_code, "d");
  const refused = await faults.tell([{ status: 200, body: begun }, { status: 400, body: { error: "access_denied" } }]);
  const denied = deviceCode({ serverURL: refused.url, clientId: "c", prompt: () => {} });
  await assert.rejects(denied, (error) => OAuthError.is(error) && error.error === "access_denied");
});

describe("stores", () => {
  test("another program takes the token that was kept, and does not ask", async () => {
    const folder = await mkdtemp(join(tmpdir(), "keyhaven-store-"));
    const told = await faults.tell([{ ...granted("t"), delayMs: 50 }]);
    const path = join(folder, "tokens.json");
    const source = () => clientCredentials({ serverURL: told.url, clientId: "c", clientSecret: "s", store: fileStore(path) });
    const tokens = await Promise.all(Array.from({ length: 5 }, () => source().token({})));
    assert.deepEqual([...new Set(tokens.map(({ accessToken }) => accessToken))], ["t"]);
    assert.equal((await told.came()).length, 1);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ["tokens.json"], "no lock and no half-written file is left");
    await rm(folder, { recursive: true });
  });

  test("two clients of one store do not get each other's tokens", async () => {
    const folder = await mkdtemp(join(tmpdir(), "keyhaven-store-"));
    const told = await faults.tell([granted("t1"), granted("t2")]);
    const store = fileStore(join(folder, "tokens.json"));
    const token = (clientId) => clientCredentials({ serverURL: told.url, clientId, clientSecret: "s", store }).token({});
    assert.equal((await token("one")).accessToken, "t1");
    assert.equal((await token("two")).accessToken, "t2");
    await rm(folder, { recursive: true });
  });

  test("the refresh token that another program was given is the next one sent", async () => {
    const kept = new Map();
    const store = tokenStore({ get: (key) => kept.get(key), set: (key, token) => void kept.set(key, token), delete: (key) => void kept.delete(key) });
    const rotated = (name, refresh) => ({ status: 200, body: { access_token: name, refresh_token: refresh, expires_in: 600 } });
    const told = await faults.tell([rotated("t1", "r2"), rotated("t2", "r3")]);
    const source = refreshToken({ serverURL: told.url, clientId: "c", refreshToken: "r1", store });
    const first = await source.token({});
    const [key] = kept.keys();
    kept.set(key, { accessToken: "elsewhere", refreshToken: "r2b", expiresAt: Date.now() - 1 });
    source.invalidate(first);
    assert.equal((await source.token({})).accessToken, "t2");
    assert.deepEqual((await told.came()).map((one) => formOf(one).refresh_token), ["r1", "r2b"]);
  });

  test("a tab keeps its tokens over a reload", async () => {
    const kept = new Map();
    const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => void kept.set(key, text), removeItem: (key) => void kept.delete(key) };
    const told = await faults.tell([granted("t")]);
    const source = () => refreshToken({ serverURL: told.url, clientId: "c", refreshToken: "r1", store: sessionStore(storage) });
    await source().token({});
    assert.equal((await source().token({})).accessToken, "t");
    assert.equal((await told.came()).length, 1);
  });
});

describe("signing in", () => {
  const issuer = "https://auth.example";
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/oauth2/authorize`,
    token_endpoint: `${issuer}/oauth2/token`,
    authorization_response_iss_parameter_supported: true,
  };
  /** An issuer that grants, and remembers what it was asked. */
  function party(told = {}) {
    const asked = [];
    const fetch = async (asking) => {
      const url = asking.url ?? String(asking);
      asked.push([url, asking.url ? await asking.text() : ""]);
      const body = url.includes(".well-known") ? { ...metadata, ...told } : { access_token: "t", expires_in: 60 };
      return new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } });
    };
    return { asked, options: { serverURL: issuer, clientId: "c", redirectUri: "https://app.example/cb", fetch } };
  }
  const back = (state, more = `&iss=${encodeURIComponent(issuer)}`) => `https://app.example/cb?code=k&state=${state}${more}`;

  test("the code comes back with its verifier", async () => {
    const { asked, options } = party();
    const { url, pending } = await startSignIn(options);
    const sent = new URL(url).searchParams;
    assert.equal(sent.get("code_challenge_method"), "S256");
    const token = await finishSignIn(options, pending, back(sent.get("state")));
    assert.equal(token.accessToken, "t");
    const form = new URLSearchParams(asked.at(-1)[1]);
    const digest = await webcrypto.subtle.digest("SHA-256", Buffer.from(form.get("code_verifier")));
    assert.equal(Buffer.from(digest).toString("base64url"), sent.get("code_challenge"));
  });

  test("another sign-in, another issuer, a missing issuer and a refusal end it before the code is sent", async () => {
    const { asked, options } = party();
    const { pending } = await startSignIn(options);
    const before = asked.length;
    const refused = async (url, reason) =>
      assert.rejects(finishSignIn({ ...options, metadata }, pending, url), (error) => reason.test(error.message));
    await refused(back("other"), /another sign-in/);
    await refused(back(pending.state, "&iss=https%3A%2F%2Fevil.example"), /another issuer/);
    await refused(back(pending.state, ""), /another issuer/);
    await refused(`${back(pending.state)}&error=access_denied`, /access_denied/);
    assert.equal(asked.length, before);
  });

  test("metadata of another issuer is refused", async () => {
    const { options } = party({ issuer: "https://evil.example" });
    await assert.rejects(startSignIn(options), (error) => InvalidRequestError.is(error));
  });

  test("a pushed request leaves its name only in the address", async () => {
    const pushed = `${issuer}/oauth2/par`;
    const { options } = party({ pushed_authorization_request_endpoint: pushed });
    const headers = { "content-type": "application/json" };
    const fetch = async (asking) =>
      asking.url === pushed ? new Response('{"request_uri":"urn:x"}', { status: 201, headers }) : options.fetch(asking);
    const { url } = await startSignIn({ ...options, fetch });
    assert.deepEqual([...new URL(url).searchParams.keys()], ["client_id", "request_uri"]);
  });

  test("a command line listens on this computer", async () => {
    const { options } = party();
    const open = async (url) => {
      const sent = new URL(url).searchParams;
      const answer = `${sent.get("redirect_uri")}?code=k&state=${sent.get("state")}&iss=${encodeURIComponent(issuer)}`;
      assert.equal((await fetch(answer)).status, 200);
    };
    const token = await signInOnLoopback({ ...options, open });
    assert.equal(token.accessToken, "t");
  });
});
