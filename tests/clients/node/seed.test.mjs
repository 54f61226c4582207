// The seed SDK was never published: its requests, byte for byte as its contract has them, over a
// socket, and its parser's rules for the answers. Only the credentials and the scope are ours.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";

import { SCOPE, startServer } from "./server.mjs";

describe("moov-sdk 0.0.1", () => {
  let server;
  before(async () => (server = await startServer({ format: "opaque" })));
  after(async () => server.stop());

  const credentials = () => ({ client_id: server.id, client_secret: server.secret });

  it("creates with an empty Basic pair beside credentials in the body", async () => {
    const body = { grant_type: "client_credentials", ...credentials(), scope: SCOPE };
    const answer = await send("/oauth2/token", "Basic Og==", body);
    const token = parseToken(answer);
    assert.equal(token.scope, SCOPE);
    assert.equal(token.token_type, "opaque");
    assert.ok(token.expires_in > Date.now() / 1000, "a Unix timestamp");
  });

  it("creates with Basic and each version its enumeration knows", async () => {
    const basic = `Basic ${Buffer.from(`${server.id}:${server.secret}`).toString("base64")}`;
    for (const version of ["v2024.00.00", "latest"]) {
      const body = { grant_type: "client_credentials", scope: SCOPE };
      parseToken(await send("/oauth2/token", basic, body, version));
    }
  });

  it("refreshes and revokes", async () => {
    const scope = SCOPE;
    const body = { grant_type: "client_credentials", ...credentials(), scope };
    const first = parseToken(await send("/oauth2/token", "Basic Og==", body));
    const again = {
      grant_type: "refresh_token",
      ...credentials(),
      scope,
      refresh_token: first.refresh_token,
    };
    const second = parseToken(await send("/oauth2/token", "Basic Og==", again));
    assert.notEqual(second.refresh_token, first.refresh_token);
    const revocation = {
      token: second.refresh_token,
      token_type_hint: "refresh_token",
      ...credentials(),
    };
    const revoked = await send("/oauth2/revoke", "Basic Og==", revocation);
    assert.equal(revoked.status, 204);
    assert.equal(revoked.body, "");
    const dead = { ...again, refresh_token: second.refresh_token };
    assert.equal(parseError(await send("/oauth2/token", "Basic Og==", dead)), "invalid_grant");
  });

  it("hears errors in the shapes it parses", async () => {
    const wrong = {
      grant_type: "client_credentials",
      client_id: server.id,
      client_secret: "mv_sec_9rKd2LxW",
      scope: "/ping.read",
    };
    assert.equal(parseError(await send("/oauth2/token", "Basic Og==", wrong)), "invalid_client");
    const missing = { grant_type: "client_credentials", ...credentials() };
    const answer = await send("/oauth2/token", "Basic Og==", missing);
    assert.equal(answer.status, 422);
    assert.equal(typeof parseJson(answer).scope, "string");
  });

  /** The request as the contract has it, header by header. */
  function send(path, authorization, body, version) {
    const text = JSON.stringify(body);
    const lines = [
      `POST ${path} HTTP/1.1`,
      `host: 127.0.0.1:${server.port}`,
      "connection: keep-alive",
      "Content-Type: application/json",
      "Accept: application/json",
      ...(version ? [`x-moov-version: ${version}`] : []),
      `Authorization: ${authorization}`,
      "cookie: ",
      "user-agent: speakeasy-sdk/typescript 0.0.1 2.493.34 latest moov-sdk",
      "accept-language: *",
      "sec-fetch-mode: cors",
      "accept-encoding: gzip, deflate",
      `content-length: ${Buffer.byteLength(text)}`,
    ];
    return exchange(server.port, `${lines.join("\r\n")}\r\n\r\n${text}`);
  }
});

/** Sends the bytes and reads one answer by its declared length. */
function exchange(port, request) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    let received = "";
    socket.setEncoding("utf8");
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after: ${received}`)));
    socket.on("data", (text) => {
      received += text;
      const answer = parseAnswer(received);
      if (answer) {
        socket.removeAllListeners("close");
        socket.destroy();
        resolve(answer);
      }
    });
  });
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function parseAnswer(received) {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [start, ...fields] = received.slice(0, end).split("\r\n");
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  const body = received.slice(end + 4);
  const status = Number(start.split(" ")[1]);
  if (Buffer.byteLength(body) < Number(headers.get("content-length") ?? 0)) return undefined;
  assert.match(headers.get("x-request-id"), UUID, "on every answer");
  return { status, headers, body };
}

function parseJson({ headers, body }) {
  assert.equal(headers.get("content-type").split(";")[0], "application/json");
  return JSON.parse(body);
}

/** All five members are required; a timestamp is a whole number; two words for the type. */
function parseToken(answer) {
  assert.equal(answer.status, 200, answer.body);
  const token = parseJson(answer);
  for (const name of ["token_type", "access_token", "refresh_token", "scope"]) {
    assert.equal(typeof token[name], "string", name);
  }
  assert.ok(["opaque", "jwt"].includes(token.token_type), token.token_type);
  assert.ok(Number.isInteger(token.expires_in), "expires_in is a whole number");
  return token;
}

function parseError(answer) {
  assert.equal(answer.status, 400, answer.body);
  const { error } = parseJson(answer);
  assert.equal(typeof error, "string");
  return error;
}
