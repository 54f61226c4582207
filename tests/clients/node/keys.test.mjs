// The published SDK of the user-controlled keys family, unmodified, in its older and its newest
// shape: a code for a key, the exchange, what the key says of itself. Then the contract's own seed
// requests, byte for byte.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";

import * as newest from "openrouter-newest";
import * as newestErrors from "openrouter-newest/models/errors";
import * as old from "openrouter-old";
import * as oldErrors from "openrouter-old/models/errors";

import { startServer } from "./server.mjs";

const CALLBACK = "https://notes.example/cb";
// The SDK repeats any 5XX by itself for up to an hour.
const ONCE = { retries: { strategy: "none" } };

let server;
let key;
before(async () => {
  server = await startServer();
  key = keyhaven("key", "create", "--org", "default", "--label", "Clients", "--scope", "read");
});
after(async () => server.stop());

function keyhaven(...words) {
  const all = [...server.instance, ...words, "--json"];
  return JSON.parse(execFileSync(process.env.KEYHAVEN_BIN, all, { env: server.env }));
}

/** Both shapes behind one way of calling: the older takes the body itself. */
const SHAPES = [
  { name: "0.0.1", sdk: old, errors: oldErrors, body: (request) => request },
  { name: "1.3.19", sdk: newest, errors: newestErrors, body: (request) => ({ requestBody: request }) },
];

for (const { name, sdk, errors, body } of SHAPES) {
  describe(`@openrouter/sdk ${name}`, () => {
    const client = (apiKey) => new sdk.OpenRouter({ serverURL: `${server.url}/api/v1`, apiKey });
    const challenge = () => client(key.secret).oAuth.createSHA256CodeChallenge();
    const code = (request, apiKey = key.secret) =>
      client(apiKey).oAuth.createAuthCode(body({ callbackUrl: CALLBACK, ...request }), ONCE);
    const exchange = (request, apiKey = "") =>
      client(apiKey).oAuth.exchangeAuthCodeForAPIKey(body(request), ONCE);

    it("hands out a key that is limited as asked", async () => {
      const pkce = await challenge();
      const { codeChallenge, codeVerifier } = pkce;
      const asked = { codeChallenge, codeChallengeMethod: "S256", limit: 25 };
      const { data } = await code(asked);
      assert.ok(Number.isInteger(data.appId) && data.appId > 0);
      assert.ok(!Number.isNaN(Date.parse(data.createdAt)));
      const exchanged = await exchange({ code: data.id, codeVerifier, codeChallengeMethod: "S256" });
      assert.match(exchanged.key, /^kh_key_/);
      assert.equal(exchanged.userId, null);
      const said = await client(exchanged.key).apiKeys.getCurrentKeyMetadata();
      assert.equal(said.data.limit, 25);
      assert.equal(said.data.limitRemaining, 25);
      assert.equal(said.data.label, "notes.example");
    });

    it("raises its own error for a wrong verifier, a spent code and a foreign key", async () => {
      const { codeChallenge, codeVerifier } = await challenge();
      const { data } = await code({ codeChallenge, codeChallengeMethod: "S256" });
      const message = "Invalid code or code_verifier";
      const forbidden = (error) =>
        error instanceof errors.ForbiddenResponseError && error.error.message === message;
      const wrong = { code: data.id, codeVerifier: "x".repeat(43), codeChallengeMethod: "S256" };
      await assert.rejects(exchange(wrong), forbidden);
      const right = { code: data.id, codeVerifier, codeChallengeMethod: "S256" };
      const other = exchange({ ...right, codeChallengeMethod: "plain" });
      await assert.rejects(other, (error) => error instanceof errors.BadRequestResponseError);
      await exchange(right);
      await assert.rejects(exchange(right), forbidden);
      const stranger = code({}, "sk-or-v1-5e0a77c1");
      await assert.rejects(stranger, (error) => error instanceof errors.UnauthorizedResponseError);
    });

    it("ignores a credential in the exchange", async () => {
      const { data } = await code({});
      const exchanged = await exchange({ code: data.id }, "sk-or-v1-5e0a77c1");
      assert.match(exchanged.key, /^kh_key_/);
    });
  });
}

describe("the newest members", () => {
  it("set period, end and name of the key", async () => {
    const client = new newest.OpenRouter({ serverURL: `${server.url}/api/v1`, apiKey: key.secret });
    const requestBody = {
      callbackUrl: CALLBACK,
      expiresAt: new Date("2037-12-31T23:59:59Z"),
      keyLabel: "Notes laptop",
      limit: 25,
      usageLimitType: "monthly",
      workspaceId: "0195f1a2-7c11-7a8e-9d1c-0d6f3a5b2e10",
    };
    const { data } = await client.oAuth.createAuthCode({ requestBody }, ONCE);
    const exchanged = await client.oAuth.exchangeAuthCodeForAPIKey({ requestBody: { code: data.id } });
    const holder = new newest.OpenRouter({
      serverURL: `${server.url}/api/v1`,
      apiKey: exchanged.key,
    });
    const said = (await holder.apiKeys.getCurrentKeyMetadata()).data;
    assert.equal(said.label, "Notes laptop");
    assert.equal(said.limitReset, "monthly");
    assert.equal(said.expiresAt.toISOString(), "2037-12-31T23:59:59.000Z");
  });
});

describe("the contract's seed requests", () => {
  const head = (path, authorization, length) =>
    `POST /api/v1${path} HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nconnection: keep-alive\r\n` +
    "Content-Type: application/json\r\nAccept: application/json\r\n" +
    `authorization: Bearer ${authorization}\r\ncookie: \r\n` +
    "user-agent: speakeasy-sdk/typescript 0.0.0-beta.8 2.715.0 1.0.0 @openrouter/sdk\r\n" +
    "accept-language: *\r\nsec-fetch-mode: cors\r\naccept-encoding: gzip, deflate\r\n" +
    `content-length: ${length}\r\n\r\n`;

  it("are answered as the contract has it", async () => {
    const asked =
      '{"callback_url":"https://notes.example/cb","code_challenge":"5BSxWuHm9vpsFuRpPXmF3J_IeTgFNKgj8RnNhhnWDqQ",' +
      '"code_challenge_method":"S256","limit":"25.0"}';
    assert.equal(Buffer.byteLength(asked), 152);
    const issued = await raw(head("/auth/keys/code", key.secret, 152) + asked);
    assert.match(issued.head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(issued.head, /content-type: application\/json\r\n/i);
    assert.deepEqual(Object.keys(issued.body.data), ["id", "app_id", "created_at"]);

    const exchanged = JSON.stringify({
      code: issued.body.data.id,
      code_verifier: "h3Jt9PzWq0sLxRk2Yc7VbNf5Ae8UdGm1Ti4OoQp6Zw-",
      code_challenge_method: "S256",
    });
    const length = Buffer.byteLength(exchanged);
    const handed = await raw(head("/auth/keys", "sk-or-v1-5e0a77c1", length) + exchanged);
    assert.match(handed.head, /cache-control: no-store\r\n/i);
    assert.deepEqual(Object.keys(handed.body), ["key", "user_id"]);

    const bare =
      "POST /api/v1/auth/keys HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n" +
      "Content-Type: application/json\r\ncontent-length: 0\r\n\r\n";
    const refused = await raw(bare);
    assert.match(refused.head, /^HTTP\/1\.1 400 /);
    assert.equal(refused.body.error.code, 400);
  });

  // Byte for byte as well, so it may be sent until the end of 2027.
  it("and the newest client's request, whose workspace nobody here knows", async () => {
    const asked =
      '{"callback_url":"https://notes.example/cb","code_challenge":"5BSxWuHm9vpsFuRpPXmF3J_IeTgFNKgj8RnNhhnWDqQ",' +
      '"code_challenge_method":"S256","expires_at":"2027-12-31T23:59:59.000Z","key_label":"Notes laptop","limit":25,' +
      '"usage_limit_type":"monthly","workspace_id":"0195f1a2-7c11-7a8e-9d1c-0d6f3a5b2e10"}';
    assert.equal(Buffer.byteLength(asked), 298);
    const newest = head("/auth/keys/code", key.secret, 298).replace("0.0.0-beta.8 2.715.0", "1.3.19 2.914.0");
    const issued = await raw(newest + asked);
    assert.match(issued.head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.deepEqual(Object.keys(issued.body.data), ["id", "app_id", "created_at"]);
  });

  /** Sends these bytes and reads one answer. */
  function raw(bytes) {
    return new Promise((resolve, reject) => {
      const socket = connect(server.port, "127.0.0.1", () => socket.write(bytes));
      let text = "";
      socket.on("error", reject);
      socket.on("data", (chunk) => {
        text += chunk;
        const end = text.indexOf("\r\n\r\n");
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
        if (end < 0 || Buffer.byteLength(text.slice(end + 4)) < length) return;
        socket.destroy();
        resolve({ head: text.slice(0, end + 2), body: JSON.parse(text.slice(end + 4)) });
      });
    });
  }
});
