// Grants that work once: repeated where the server gives the same answer again, and nowhere else.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { finishSignIn, startSignIn } from "@keyhaven/sdk/tokens/authorizationCode.js";
import { deviceCode } from "@keyhaven/sdk/tokens/deviceCode.js";
import { jwtBearer } from "@keyhaven/sdk/tokens/jwtBearer.js";
import { refreshToken } from "@keyhaven/sdk/tokens/refreshToken.js";
import { startFaults } from "./server.mjs";

const cases = JSON.parse(await readFile(new URL("../../wire/tokens.json", import.meta.url)));

let faults;
before(async () => (faults = await startFaults()));
after(() => faults.stop());

/** A server that tells of itself what the case says. */
async function server(kind, responses) {
  const told = await faults.tell(responses);
  const issuer = kind === "impostor" ? "https://elsewhere.example" : told.url;
  const body = {
    issuer,
    authorization_endpoint: `${told.url}/authorize`,
    token_endpoint: `${told.url}/oauth2/token`,
    ...(kind !== "foreign" && { keyhaven_idempotent_tokens: true }),
  };
  if (kind !== "undescribed") await told.describe(body);
  return { ...told, metadata: body };
}

const grants = {
  refresh: (told) => refreshToken({ serverURL: told.url, clientId: "c", refreshToken: "r1" }).token({}),
  assertion: (told) => jwtBearer({ serverURL: told.url, clientId: "c", assertion: "a" }).token({}),
  code: async (told) => {
    const options = { serverURL: told.url, clientId: "c", redirectUri: "https://app.example/cb", metadata: told.metadata };
    const { pending } = (told.signIn ??= await startSignIn(options));
    return finishSignIn(options, pending, `https://app.example/cb?code=x&state=${pending.state}`);
  },
};

for (const [grant, ask] of Object.entries(grants)) {
  describe(grant, { concurrency: true }, () => {
    for (const { name, server: kind, responses, calls = 1, expect } of cases) {
      // Signing in refuses to begin at such servers.
      if (grant === "code" && kind !== "ours" && kind !== "foreign") continue;
      test(name, async () => {
        const told = await server(kind, responses);
        let token;
        let error;
        for (let call = 0; call < calls; call++) {
          if (call) await new Promise((resolve) => setTimeout(resolve, 1100));
          [token, error] = await ask(told).then((token) => [token], (error) => [undefined, error]);
        }
        assert.equal(token?.accessToken, expect.token, String(error));
        if (expect.error && expect.error !== "any") assert.equal(error.name, expect.error);
        const keys = (await told.came()).map(({ headers }) => headers["idempotency-key"]);
        assert.equal(keys.length, expect.count);
        assert.equal(new Set(keys).size, 1);
        assert.equal(keys[0] !== undefined, expect.keyed);
      });
    }
  });
}

test("each poll of a device is a request of its own, and one whose answer is lost is repeated", async () => {
  const begun = { device_code: "d", user_code: "A", verification_uri: "https://x.example", expires_in: 60, interval: 0.01 };
  const pending = { status: 400, body: { error: "authorization_pending" } };
  const granted = { status: 200, body: { access_token: "t", expires_in: 600 } };
  const told = await server("ours", [{ status: 200, body: begun }, pending, { resetAfter: "request" }, granted]);
  const token = await deviceCode({ serverURL: told.url, clientId: "c", prompt: () => {} });
  assert.equal(token.accessToken, "t");
  const keys = (await told.came()).map(({ headers }) => headers["idempotency-key"]);
  assert.deepEqual([keys[0], keys[1] === keys[2], keys[2] === keys[3]], [undefined, false, true]);
});

test("keys are UUIDs that grow with time", async () => {
  const told = await server("ours", [{ status: 200, body: { access_token: "t", expires_in: 600 } }]);
  const began = Date.now();
  await grants.refresh(told);
  const key = (await told.came())[0].headers["idempotency-key"];
  assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const at = parseInt(key.replace("-", "").slice(0, 12), 16);
  assert.ok(began <= at && at <= Date.now());
});

test("a caller who says whose server it is costs no question", async () => {
  const told = await server("undescribed", [{ resetAfter: "request" }, { status: 200, body: { access_token: "t" } }]);
  const source = refreshToken({ serverURL: told.url, clientId: "c", refreshToken: "r1", ours: true });
  assert.equal((await source.token({})).accessToken, "t");
  const described = await fetch(`${faults.origin}/control/${told.url.split("/").at(-1)}.metadata`);
  assert.deepEqual(await described.json(), []);
});
