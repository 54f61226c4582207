// One request for whoever asks the same as the same client at the same time, and none for others.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { jwtBearer } from "@keyhaven/sdk/tokens/jwtBearer.js";
import { refreshToken } from "@keyhaven/sdk/tokens/refreshToken.js";
import { tokenExchange } from "@keyhaven/sdk/tokens/tokenExchange.js";
import { startFaults } from "./server.mjs";

let faults;
before(async () => (faults = await startFaults()));
after(() => faults.stop());

const slow = (delayMs) => ({ status: 200, delayMs, body: { access_token: "t", expires_in: 600 } });

async function ask(sources, calls) {
  const tokens = await Promise.all(Array.from({ length: calls }, (_, call) => sources[call % sources.length].token({})));
  assert.deepEqual([...new Set(tokens.map(({ accessToken }) => accessToken))], ["t"]);
}

// A subject that is asked for anew is known by whom its function is.
const subjectToken = async () => "ada";
const kinds = {
  "one refresh token": (options) => refreshToken({ ...options, refreshToken: "r" }),
  "one assertion": (options) => jwtBearer({ ...options, assertion: "a" }),
  "one subject": (options) => tokenExchange({ ...options, subjectToken }),
};

for (const [name, make] of Object.entries(kinds)) {
  test(`a thousand calls of several sources of ${name} are one request`, async () => {
    const told = await faults.tell([slow(1500)]);
    const options = { serverURL: told.url, clientId: "c", clientSecret: "s", ours: false };
    const scopes = [["a", "b"], "b a", ["b", "a"], "a b"];
    const sources = scopes.map((scope) => make({ ...options, scope, onTokenError: () => {} }));
    await ask(sources, 1000);
    assert.equal((await told.came()).length, 1);
  });
}

test("sources of other clients, proofs, scopes and subjects share nothing", async () => {
  const told = await faults.tell([slow(300)]);
  const options = { serverURL: told.url, clientId: "c", clientSecret: "s", ours: false };
  const authentication = () => (form) => form.set("client_id", "c");
  const sources = [
    kinds["one refresh token"](options),
    kinds["one refresh token"]({ ...options, clientSecret: "wrong" }),
    kinds["one refresh token"]({ ...options, clientId: "other" }),
    kinds["one refresh token"]({ ...options, resource: "https://api.example" }),
    kinds["one refresh token"]({ ...options, scope: "a" }),
    kinds["one refresh token"]({ ...options, authentication: authentication() }),
    kinds["one refresh token"]({ ...options, authentication: authentication() }),
    refreshToken({ ...options, refreshToken: "another" }),
    kinds["one assertion"](options),
    kinds["one subject"](options),
    tokenExchange({ ...options, subjectToken: "bob" }),
  ];
  await ask(sources, sources.length);
  assert.equal((await told.came()).length, sources.length);
});
