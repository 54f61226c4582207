// Hooks, logs, options, paging, checks of tokens: what the shared cases do not say.

import assert from "node:assert/strict";
import { generateKeyPairSync, createSign } from "node:crypto";
import { test } from "node:test";
import { Client, SDKError, unwrapAsync } from "@keyhaven/sdk";
import { ClientCore } from "@keyhaven/sdk/core.js";
import { authenticationCreateAuthToken } from "@keyhaven/sdk/funcs/authenticationCreateAuthToken.js";
import { organizationsListOrganizations } from "@keyhaven/sdk/funcs/organizationsListOrganizations.js";
import { signingKeysListSigningKeys } from "@keyhaven/sdk/funcs/signingKeysListSigningKeys.js";
import { signingKeysListSigningKeys as shape } from "@keyhaven/sdk/validators/signingKeysListSigningKeys.js";
import * as errors from "@keyhaven/sdk/models/errors.js";
import { debugHooks } from "@keyhaven/sdk/hooks.js";
import { verifier, TokenRefused } from "@keyhaven/sdk/server/verify.js";

const json = (body, status = 200, type = "application/json") =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": type } });
const serverURL = "http://127.0.0.1:9/base";

test("the class client throws, and its errors are known by class across copies", async () => {
  const fetch = async () => json({ title: "no", detail: "none", status: 404 }, 404, "application/problem+json");
  const client = new Client({ serverURL, security: "t", fetch });
  const error = await client.organizations.showOrganization({ organization: "x" }).catch((error) => error);
  assert.equal(error.name, "NotFound");
  assert.equal(error.message, "none");
  assert.ok(SDKError.is(error) && !SDKError.is(new Error("x")) && !SDKError.is(undefined));
  assert.ok(!JSON.stringify(error).includes('"body"'));
});

test("every class knows its own, the classes above it know theirs, and others do not", async () => {
  const refused = (status, body, type) => new ClientCore({ serverURL, security: "t", fetch: async () => json(body, status, type) });
  const problem = refused(404, { detail: "none" }, "application/problem+json");
  const { error: missing } = await organizationsListOrganizations(problem);
  const { error: odd } = await organizationsListOrganizations(refused(418, {}));
  const { error: late } = await organizationsListOrganizations(refused(200, [], "text/plain"));
  const known = (error) => Object.keys(errors).filter((name) => errors[name].is?.(error)).sort();
  assert.deepEqual(known(missing), ["HTTPError", "NotFound", "ProblemError", "SDKError"]);
  assert.deepEqual(known(odd), ["APIError", "HTTPError", "SDKError"]);
  assert.deepEqual(known(late), ["ResponseValidationError", "SDKError"]);
  assert.deepEqual(known(new Error("x")), []);
  assert.ok(missing instanceof errors.NotFound && missing instanceof errors.HTTPError && missing instanceof Error);
  assert.ok(!(missing instanceof errors.Conflict));
  const own = new errors.NotFound("mine", { statusCode: 404 });
  assert.deepEqual(known(own), known(missing));
  const copy = Object.assign(Object.create({ [Symbol.for("@keyhaven/sdk error")]() {} }), { name: "NotFound" });
  assert.ok(errors.NotFound.is(copy) && !errors.Conflict.is(copy), "of another copy of this package");
});

test("hooks run in order for every attempt and may change the request", async () => {
  const told = [];
  const name = (which) => ({
    beforeRequest: ({ attempt }, request) => {
      told.push(`${which}${attempt}`);
      return new Request(request, { headers: { ...Object.fromEntries(request.headers), [which]: "1" } });
    },
    onRetry: () => void told.push(`${which} retry`),
    afterResponse: (_, response) => void told.push(`${which} ${response.status}`),
  });
  let calls = 0;
  const fetch = async (request) => {
    assert.equal(request.headers.get("a") + request.headers.get("b"), "11");
    return calls++ ? json({ items: [] }) : json({}, 503);
  };
  const core = new ClientCore({ serverURL, security: "t", fetch, hooks: [name("a"), name("b")] });
  const retries = { strategy: "backoff", backoff: { initialInterval: 1 } };
  assert.ok((await signingKeysListSigningKeys(core, { retries })).ok);
  assert.deepEqual(told, ["a1", "b1", "a 503", "b 503", "a retry", "b retry", "a2", "b2", "a 200", "b 200"]);
});

test("a hook that throws fails the call, with what it threw", async () => {
  const boom = new Error("boom");
  const hooks = { beforeRequest: () => Promise.reject(boom) };
  const core = new ClientCore({ serverURL, security: "t", hooks });
  const { error } = await signingKeysListSigningKeys(core);
  assert.equal(error.name, "UnexpectedClientError");
  assert.equal(error.cause, boom);
});

test("credentials are asked for anew for every attempt", async () => {
  let asked = 0;
  const seen = [];
  const fetch = async (request) => {
    seen.push(request.headers.get("authorization"));
    return seen.length < 3 ? json({}, 503) : json({ items: [] });
  };
  const core = new ClientCore({ serverURL, security: { bearer: async () => `t${++asked}` }, fetch });
  const retries = { strategy: "backoff", backoff: { initialInterval: 1 } };
  assert.ok((await signingKeysListSigningKeys(core, { retries })).ok);
  assert.deepEqual(seen, ["Bearer t1", "Bearer t2", "Bearer t3"]);
});

test("a call's security takes the place of the client's", async () => {
  const fetch = async (request) => json({ items: [{ bearer: request.headers.get("authorization") }] });
  const core = new ClientCore({ serverURL, security: "mine", fetch });
  const page = await unwrapAsync(signingKeysListSigningKeys(core, { security: { administrator: "other" } }));
  assert.equal(page.items[0].bearer, "Bearer other");
});

test("no secret reaches the log, whatever is printed", async () => {
  const lines = [];
  const print = (...words) => lines.push(words.map((word) => JSON.stringify(word)).join(" "));
  const secrets = { client: "kh_secret_SENT", access: "kh_access_GOT", refresh: "kh_refresh_GOT" };
  const fetch = async () =>
    json({ token_type: "opaque", access_token: secrets.access, refresh_token: secrets.refresh, expires_in: 1, scope: "" });
  const core = new ClientCore({
    serverURL,
    security: { username: "id", password: secrets.client },
    fetch,
    logger: { debug: print },
    hooks: debugHooks(print, { bodies: true }),
  });
  const authTokenRequest = { grantType: "client_credentials", clientSecret: secrets.client, scope: "a" };
  const result = await authenticationCreateAuthToken(core, { authTokenRequest });
  assert.equal(result.value.accessToken, secrets.access);
  assert.ok(lines.length >= 3);
  for (const secret of [...Object.values(secrets), btoa(`id:${secrets.client}`)]) {
    assert.ok(!lines.join("\n").includes(secret), secret);
  }
  assert.match(lines.join("\n"), /redacted/);
});

test("pages are one sequence", async () => {
  const pages = { "": { items: [{ slug: "a" }, { slug: "b" }], next: "c2" }, c2: { items: [{ slug: "c" }] } };
  const fetch = async (request) => json(pages[new URL(request.url).searchParams.get("cursor") ?? ""]);
  const client = new Client({ serverURL, security: "t", fetch });
  const slugs = [];
  for await (const { slug } of client.organizations.listOrganizationsItems()) slugs.push(slug);
  assert.deepEqual(slugs, ["a", "b", "c"]);
  const core = new ClientCore({ serverURL, security: "t", fetch });
  assert.equal((await organizationsListOrganizations(core)).value.next, "c2");
});

test("a validator names the member that is not what is documented", async () => {
  const fetch = async () => json({ items: [{ kid: 7 }] });
  const core = new ClientCore({ serverURL, security: "t", fetch, validate: [shape] });
  const { error } = await signingKeysListSigningKeys(core);
  assert.equal(error.name, "ResponseValidationError");
  assert.match(error.message, /items\[0\]/);
});

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const encode = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
function jwt(claims, header = { alg: "ES256", typ: "at+jwt", kid: "k1" }) {
  const input = encode(header) + "." + encode(claims);
  const signature = createSign("SHA256").update(input).sign({ key: privateKey, dsaEncoding: "ieee-p1363" });
  return input + "." + signature.toString("base64url");
}

test("a token is checked by the issuer's keys, and refused for each fault", async () => {
  const issuer = "https://auth.example.com";
  let fetched = 0;
  let now = 1_800_000_000_000;
  const check = verifier({
    issuer,
    audience: "api",
    scopes: ["read"],
    now: () => now,
    fetch: async () => {
      fetched++;
      return json({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k1", alg: "ES256" }] });
    },
  });
  const at = now / 1000;
  const good = { iss: issuer, aud: "api", sub: "u", iat: at, exp: at + 60, scope: "read write" };
  assert.equal((await check(jwt(good))).sub, "u");
  const refused = async (token, reason) =>
    assert.rejects(check(token), (error) => TokenRefused.is(error) && reason.test(error.message));
  await refused(jwt({ ...good, iss: "https://other" }), /another issuer/);
  await refused(jwt({ ...good, aud: ["x"] }), /somebody else/);
  await refused(jwt({ ...good, exp: at - 31 }), /ended/);
  assert.ok(await check(jwt({ ...good, exp: at - 29 })));
  await refused(jwt({ ...good, iat: at + 31 }), /not begun/);
  await refused(jwt({ ...good, scope: "write" }), /scope read/);
  await refused(jwt(good, { alg: "ES256", typ: "JWT", kid: "k1" }), /no access token/);
  await refused(encode({ alg: "none", typ: "at+jwt" }) + "." + encode(good) + ".", /algorithm/);
  await refused(jwt(good).slice(0, -4) + "AAAA", /signature/);
  await refused(jwt(good, { alg: "RS256", typ: "at+jwt", kid: "k1" }), /no key/);
  assert.equal(fetched, 1);
  for (let tries = 0; tries < 5; tries++) await refused(jwt(good, { alg: "ES256", typ: "at+jwt", kid: "k2" }), /no key/);
  assert.equal(fetched, 1, "an unknown kid within 30 s");
  now += 31_000;
  await refused(jwt(good, { alg: "ES256", typ: "at+jwt", kid: "k2" }), /no key/);
  assert.equal(fetched, 2);
});
