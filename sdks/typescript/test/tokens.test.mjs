// Token sources and ending a call early.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ClientCore } from "@keyhaven/sdk/core.js";
import { signingKeysListSigningKeys } from "@keyhaven/sdk/funcs/signingKeysListSigningKeys.js";
import { clientCredentials } from "@keyhaven/sdk/tokens/clientCredentials.js";
import { tokenStore } from "@keyhaven/sdk/tokens/store.js";
import { refreshToken } from "@keyhaven/sdk/tokens/refreshToken.js";
import { OAuthError, ReauthenticationRequired } from "@keyhaven/sdk/models/errors.js";
import { startFaults } from "./server.mjs";

let faults;
before(async () => (faults = await startFaults()));
after(() => faults.stop());

const token = (name, lives = 600) => ({
  status: 200,
  body: { access_token: name, token_type: "Bearer", expires_in: lives },
});

/** A token endpoint that answers `answers`, and a source there. */
async function endpoint(answers, make = clientCredentials, more = {}) {
  const told = await faults.tell(answers);
  const source = make({ serverURL: told.url, clientId: "id", clientSecret: "secret", ...more });
  return { source, asked: async () => (await told.came()).length, told };
}

/** An API that takes only `good` as a bearer, and counts. */
function api(good, slowly = 0) {
  const seen = [];
  return {
    seen,
    fetch: async (request) => {
      const bearer = request.headers.get("authorization");
      seen.push(bearer);
      if (slowly) await new Promise((resolve) => setTimeout(resolve, slowly));
      const isGood = bearer === `Bearer ${good}`;
      const type = isGood ? "application/json" : "application/problem+json";
      const body = isGood ? { items: [] } : { title: "no", status: 401, detail: "dead" };
      return new Response(JSON.stringify(body), {
        status: isGood ? 200 : 401,
        headers: { "content-type": type },
      });
    },
  };
}

const serverURL = "http://127.0.0.1:9";

for (const callers of [20, 1000]) {
  test(`${callers} calls at once are one token request`, async () => {
    const { source, asked } = await endpoint([{ ...token("t1"), delayMs: 50 }]);
    const core = new ClientCore({ serverURL, tokenSource: source, fetch: api("t1").fetch });
    const calls = Array.from({ length: callers }, () => signingKeysListSigningKeys(core));
    const results = await Promise.all(calls);
    assert.ok(results.every(({ ok }) => ok));
    assert.equal(await asked(), 1);
  });
}

test("a stale token under 20 calls is one renewal, and all succeed", async () => {
  const { source, asked } = await endpoint([token("old"), token("new")]);
  const core = new ClientCore({ serverURL, tokenSource: source, fetch: api("new", 20).fetch });
  await source.token({});
  const calls = Array.from({ length: 20 }, () => signingKeysListSigningKeys(core));
  const results = await Promise.all(calls);
  assert.deepEqual(results.filter(({ ok }) => !ok), []);
  assert.equal(await asked(), 2);
});

test("a 401 is renewed once, never twice", async () => {
  const { source, asked } = await endpoint([token("a"), token("b"), token("c")]);
  const { fetch, seen } = api("none of them");
  const result = await signingKeysListSigningKeys(new ClientCore({ serverURL, tokenSource: source, fetch }));
  assert.equal(result.error.name, "Unauthorized");
  assert.deepEqual(seen, ["Bearer a", "Bearer b"]);
  assert.equal(await asked(), 2);
});

test("insufficient_scope is no reason for another token", async () => {
  const { source, asked } = await endpoint([token("a"), token("b")]);
  const fetch = async () =>
    new Response('{"title":"no"}', {
      status: 401,
      headers: {
        "content-type": "application/problem+json",
        "www-authenticate": 'Bearer error="insufficient_scope", scope="x y"',
      },
    });
  const result = await signingKeysListSigningKeys(new ClientCore({ serverURL, tokenSource: source, fetch }));
  assert.equal(result.error.challenges[0].params.scope, "x y");
  assert.equal(await asked(), 1);
});

test("a late 401 for an old token leaves the new one", async () => {
  const { source, asked } = await endpoint([token("old"), token("new")]);
  const old = await source.token({});
  source.invalidate(old);
  const fresh = await source.token({});
  source.invalidate(old);
  assert.equal((await source.token({})).accessToken, fresh.accessToken);
  assert.equal(await asked(), 2);
});

test("a failure in the background is told, and the old token serves", async () => {
  const failures = [];
  const answers = [token("t", 1), { status: 503, body: {} }];
  const { source } = await endpoint(answers, clientCredentials, {
    onTokenError: (error) => failures.push(error),
  });
  await source.token({});
  await new Promise((resolve) => setTimeout(resolve, 960));
  assert.equal((await source.token({})).accessToken, "t");
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(failures.length, 1);
});

test("a failed grant is remembered for a moment", async () => {
  const { source, asked } = await endpoint([{ status: 400, body: { error: "invalid_client" } }]);
  for (let at = 0; at < 5; at++) {
    await assert.rejects(source.token({}), (error) => OAuthError.is(error) && error.error === "invalid_client");
  }
  assert.equal(await asked(), 1);
});

test("invalid_grant clears the store and asks for a new sign-in", async () => {
  const kept = new Map();
  const store = tokenStore({
    get: (key) => kept.get(key),
    set: (key, token) => void kept.set(key, token),
    delete: (key) => void kept.delete(key),
  });
  const { source, told } = await endpoint([{ status: 400, body: { error: "invalid_grant" } }], refreshToken, {
    store,
    token: { accessToken: "dead", refreshToken: "r1", expiresAt: 1 },
  });
  await assert.rejects(source.token({}), (error) => ReauthenticationRequired.is(error));
  assert.equal(kept.size, 0);
  assert.match((await told.came())[0].body, /refresh_token=r1/);
});

test("a rotated refresh token is the next one sent", async () => {
  const rotated = (access, refresh) => ({
    status: 200,
    body: { access_token: access, refresh_token: refresh, expires_in: 600 },
  });
  const { source, told } = await endpoint([rotated("a1", "r2"), rotated("a2", "r3")], refreshToken, {
    refreshToken: "r1",
  });
  source.invalidate(await source.token({}));
  assert.equal((await source.token({})).accessToken, "a2");
  const bodies = (await told.came()).map(({ body }) => new URLSearchParams(body).get("refresh_token"));
  assert.deepEqual(bodies, ["r1", "r2"]);
});

describe("an abort ends the call within 50 ms", () => {
  const slow = { status: 200, body: { items: [] }, delayMs: 3000 };
  async function ends(options, responses) {
    const told = responses && (await faults.tell(responses));
    const core = new ClientCore({ serverURL: told?.url ?? serverURL, security: { bearer: "x" }, ...options });
    const controller = new AbortController();
    const call = signingKeysListSigningKeys(core, { fetchOptions: { signal: controller.signal } });
    await new Promise((resolve) => setTimeout(resolve, 120));
    // Both are due in the same process, so a busy machine delays both.
    const late = new Promise((resolve) => setTimeout(resolve, 50, {}));
    controller.abort(new Error("enough"));
    const { error } = await Promise.race([call, late]);
    assert.equal(error?.name, "RequestAbortedError");
    assert.equal(error.cause.message, "enough");
  }
  test("in flight", () => ends({}, [slow]));
  test("in the body", () => ends({}, [{ ...slow, delayMs: 0, after: 3000 }]));
  test("while waiting to try again", () =>
    ends({}, [{ status: 503, headers: { "retry-after": "30" } }]));
  test("while waiting for a token", async () => {
    const { source } = await endpoint([{ ...token("t"), delayMs: 3000 }]);
    await ends({ security: undefined, tokenSource: source }, [slow]);
  });
  test("under a fetch that does not listen", () => ends({ fetch: () => new Promise(() => {}) }));
  test("before it began", async () => {
    const core = new ClientCore({ serverURL, security: { bearer: "x" } });
    const result = await signingKeysListSigningKeys(core, { fetchOptions: { signal: AbortSignal.abort() } });
    assert.equal(result.error.name, "RequestAbortedError");
  });
});
