// Our TypeScript SDK and the published clients of the families, side by side against one server: the
// same operations give the same results, and are refused alike.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import * as moov from "moov-newest";
import * as openrouter from "openrouter-newest";

import { Keyhaven } from "../../../sdks/typescript/dist/index.js";
import { SCOPE, startServer } from "./server.mjs";

const ONCE = { retries: { strategy: "none" } };
const CALLBACK = "https://notes.example/cb";
// Of RFC 7636, appendix B.
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

let server;
let key;
before(async () => {
  server = await startServer();
  key = server.command("key", "create", "--org", "default", "--label", "Same", "--scope", "read").secret;
});
after(() => server?.stop());

/** Both ways, and that they ended alike. What differs from call to call is told by its kind only. */
async function alike(theirs, ours) {
  const [left, right] = await Promise.all([outcome(theirs()), outcome(ours())]);
  assert.deepEqual(right.shown, left.shown);
  return [left.value, right.value];
}

const outcome = (promise) =>
  promise.then(
    (value) => ({ value, shown: kinds(value) }),
    (error) => {
      assert.equal(typeof error.statusCode, "number", String(error));
      return { shown: { status: error.statusCode, body: kinds(JSON.parse(error.body)) } };
    },
  );

const SECRETS = [
  [/kh_(\w+?)_\w+/g, "kh_$1"],
  [/^ey\S+$/, "a JWT"],
  [/KH-\w+-\w+/g, "KH"],
];

/** A value whose credentials, instants and numbers of apps are kinds. */
function kinds(value, name = "") {
  if (value === undefined || value === null) return null;
  if (value instanceof Date || /At$/.test(name)) return "an instant";
  if (/expires_?in/i.test(name)) return "an instant";
  if (/^(appId|app_id)$/.test(name)) return typeof value;
  if (typeof value === "string") return SECRETS.reduce((text, [what, kind]) => text.replace(what, kind), value);
  if (typeof value !== "object") return value;
  const members = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(members.map(([name, inner]) => [name, kinds(inner, name)]).sort());
}

describe("the JSON token family", () => {
  const VERSION = "v2026.07.00";
  const theirs = (username = server.id, password = server.secret) =>
    new moov.Moov({ serverURL: server.url, security: { username, password } }).authentication;
  const ours = (username = server.id, password = server.secret) =>
    new Keyhaven({ serverURL: server.url, security: { username, password } }).authentication;
  const create = (request, ...who) =>
    alike(
      async () => (await theirs(...who).createAccessToken(request, ONCE)).result,
      () => ours(...who).createAuthToken({ xMoovVersion: VERSION, authTokenRequest: request }),
    );
  const revoke = (request, ...who) =>
    alike(
      async () => void (await theirs(...who).revokeAccessToken(request, ONCE)),
      () => ours(...who).revokeAuthToken({ xMoovVersion: VERSION, revokeTokenRequest: request }),
    );
  const ask = { grantType: "client_credentials", scope: SCOPE };

  it("creates", async () => {
    const [left, right] = await create(ask);
    assert.ok(left.accessToken && right.accessToken && left.accessToken !== right.accessToken);
  });
  it("refreshes", async () => {
    const [left, right] = await create(ask);
    const renew = (refreshToken) => ({ grantType: "refresh_token", refreshToken });
    const [theirNext, ourNext] = await alike(
      async () => (await theirs().createAccessToken(renew(left.refreshToken), ONCE)).result,
      () => ours().createAuthToken({ xMoovVersion: VERSION, authTokenRequest: renew(right.refreshToken) }),
    );
    assert.ok(theirNext.refreshToken && ourNext.refreshToken);
  });
  it("revokes", async () => {
    const [{ refreshToken: token }] = await create(ask);
    await revoke({ token, tokenTypeHint: "refresh_token" });
    await create({ grantType: "refresh_token", refreshToken: token });
  });
  it("refuses alike", async () => {
    await create(ask, server.id, "wrong");
    await create({ grantType: "client_credentials" });
    await create({ grantType: "client_credentials", scope: "/accounts.write" });
    await create({ grantType: "refresh_token", refreshToken: "unknown" });
    await create({ grantType: "refresh_token" });
    await revoke({ token: "x" }, server.id, "wrong");
    await revoke({ token: "x".repeat(4097) });
  });
});

describe("the user-controlled keys family", () => {
  const theirs = (apiKey) =>
    new openrouter.OpenRouter({ serverURL: `${server.url}/api/v1`, apiKey }).oAuth;
  const ours = (apiKey) => new Keyhaven({ serverURL: server.url, security: { apiKey } }).oauth;
  const code = (request, apiKey = key) =>
    alike(
      () => theirs(apiKey).createAuthCode({ requestBody: request }, ONCE),
      () => ours(apiKey).postAuthKeysCode(request),
    );
  const proof = { codeVerifier: VERIFIER, codeChallengeMethod: "S256" };
  const exchange = (left, right) =>
    alike(
      () => theirs("").exchangeAuthCodeForAPIKey({ requestBody: left }, ONCE),
      () => ours(undefined).postAuthKeys(right),
    );
  const ask = { callbackUrl: CALLBACK, codeChallenge: CHALLENGE, codeChallengeMethod: "S256", limit: 25 };

  it("hands out a key", async () => {
    const [left, right] = await code(ask);
    const keys = await exchange({ code: left.data.id, ...proof }, { code: right.data.id, ...proof });
    for (const { key } of keys) assert.match(key, /^kh_key_/);
  });
  it("refuses alike", async () => {
    await code({ callbackUrl: CALLBACK }, "sk-or-v1-5e0a77c1");
    const [left, right] = await code(ask);
    const wrong = { codeVerifier: "x".repeat(43), codeChallengeMethod: "S256" };
    await exchange({ code: left.data.id, ...wrong }, { code: right.data.id, ...wrong });
    const plain = { ...proof, codeChallengeMethod: "plain" };
    await exchange({ code: left.data.id, ...plain }, { code: right.data.id, ...plain });
  });
});
