// The SDK against the real server: a fresh one, started for these tests.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "@keyhaven/sdk";
import { AuthTokenRequestError, CreateOrUpdateErrorResponse, Conflict, GenericError, NotFound } from "@keyhaven/sdk/models/errors.js";
import { verifier } from "@keyhaven/sdk/server/verify.js";
import { clientCredentials } from "@keyhaven/sdk/tokens/clientCredentials.js";
import { refreshToken } from "@keyhaven/sdk/tokens/refreshToken.js";
import { startServer } from "../../../tests/clients/node/server.mjs";

const SCOPE = "/accounts.read /ping.read";
let server;
let administrator;
before(async () => {
  server = await startServer();
  const words = ["client", "create", "--name", "SDK", "--scope", "keyhaven:admin"];
  administrator = server.command(...words);
});
after(() => server?.stop());

const tokens = () =>
  new Client({ serverURL: server.url, security: { username: server.id, password: server.secret } });
const native = () => {
  const { client_id: clientId, client_secret: clientSecret } = administrator;
  const scope = "keyhaven:admin";
  const tokenSource = clientCredentials({ serverURL: server.url, clientId, clientSecret, scope });
  return new Client({ serverURL: server.url, tokenSource });
};

test("createAuthToken creates, refreshes, and rotates; revokeAuthToken ends", async () => {
  const { authentication } = tokens();
  const ask = { grantType: "client_credentials", scope: SCOPE };
  const first = await authentication.createAuthToken({ authTokenRequest: ask });
  assert.equal(first.tokenType, "jwt");
  const renew = (refreshToken) =>
    authentication.createAuthToken({ authTokenRequest: { grantType: "refresh_token", refreshToken } });
  const second = await renew(first.refreshToken);
  assert.notEqual(second.refreshToken, first.refreshToken);
  const ended = { revokeTokenRequest: { token: second.refreshToken, tokenTypeHint: "refresh_token" } };
  assert.equal(await authentication.revokeAuthToken(ended), undefined);
  await assert.rejects(renew(second.refreshToken), (error) => GenericError.is(error) && error.error === "invalid_grant");
});

test("a refresh whose answer is lost gives the same tokens, and the family lives", async () => {
  const { id: clientId, secret: clientSecret } = server;
  const ask = { grantType: "client_credentials", scope: SCOPE };
  const first = await tokens().authentication.createAuthToken({ authTokenRequest: ask });
  const heard = [];
  /** Loses the first answer of the token endpoint, after the server has acted. */
  const lossy = async (request, options) => {
    const response = await fetch(request, options);
    if (request.method !== "POST") return response;
    heard.push([(await response.clone().json()).access_token, response.headers.get("idempotent-replayed")]);
    if (heard.length === 1) throw new TypeError("the connection broke");
    return response;
  };
  // The issuer is called localhost, and its metadata counts under that name only.
  const serverURL = `http://localhost:${server.port}`;
  const source = refreshToken({ serverURL, clientId, clientSecret, refreshToken: first.refreshToken, fetch: lossy });
  const token = await source.token({});
  assert.equal(token.accessToken, heard[0][0]);
  assert.deepEqual(heard.map(([text]) => text), [token.accessToken, token.accessToken]);
  assert.deepEqual(heard.map(([, replayed]) => replayed), [null, "true"]);
  source.invalidate(token);
  assert.notEqual((await source.token({})).accessToken, token.accessToken);
});

test("credentials may stand in the body, and a newer version header means Bearer", async () => {
  const { authentication } = new Client({ serverURL: server.url });
  const authTokenRequest = {
    grantType: "client_credentials",
    clientId: server.id,
    clientSecret: server.secret,
    scope: SCOPE,
  };
  const token = await authentication.createAuthToken({ xMoovVersion: "v2026.07.00", authTokenRequest });
  assert.equal(token.tokenType, "Bearer");
});

test("a missing scope is a 422 with its field", async () => {
  const ask = { authTokenRequest: { grantType: "client_credentials" } };
  await assert.rejects(tokens().authentication.createAuthToken(ask), (error) =>
    AuthTokenRequestError.is(error) && /scope/.test(error.scope));
});

test("createToken, fetchTokenGroups, fetchTokenOrganization", async () => {
  const { oauth } = new Client({ serverURL: server.url });
  const create = (clientSecret) =>
    oauth.createToken({}, {
      include: "groups",
      createTokenRequest: {
        data: { type: "token", attributes: { clientId: server.id, clientSecret, grantType: "client_credentials" } },
      },
    });
  const { data } = await create(server.secret);
  assert.equal(data.attributes.tokenType, "bearer");
  const bearer = data.attributes.accessToken;
  const groups = await oauth.fetchTokenGroups({ oauth2: bearer }, { id: data.id });
  assert.deepEqual(groups.data, []);
  const organization = await oauth.fetchTokenOrganization({ id: data.id }, { security: { oauth2: bearer } });
  assert.equal(organization.data.type, "organization");
  await assert.rejects(create("kh_secret_wrong"), (error) =>
    CreateOrUpdateErrorResponse.is(error) && error.errors[0].code === "InvalidCredentials");
});

test("native operations: create once, list, page, refuse, delete", async () => {
  const client = native();
  const idempotencyKey = "live-" + process.pid;
  const ask = () => client.organizations.createOrganization({ name: "Acme", slug: "acme" }, { idempotencyKey });
  const made = await ask();
  assert.deepEqual(await ask(), made, "a repetition is the first answer");
  const slugs = [];
  for await (const { slug } of client.organizations.listOrganizationsItems({ limit: 1 })) slugs.push(slug);
  assert.ok(slugs.includes("acme") && slugs.length >= 2, String(slugs));
  const other = client.organizations.createOrganization({ name: "Other", slug: "other" }, { idempotencyKey });
  await assert.rejects(other, (error) => Conflict.is(error) && error.error === "idempotency_key_reused");
  await client.organizations.deleteOrganization({ organization: "acme" });
  await assert.rejects(client.organizations.showOrganization({ organization: "acme" }), (error) => NotFound.is(error));
});

test("a token passes server/verify.js and check, and not for another audience", async () => {
  const { accessToken } = await tokens().authentication.createAuthToken({
    authTokenRequest: { grantType: "client_credentials", scope: SCOPE },
  });
  const issuer = `http://localhost:${server.port}`;
  const claims = await verifier({ issuer, audience: issuer, scopes: ["/ping.read"] })(accessToken);
  assert.equal(claims.client_id, server.id);
  await assert.rejects(verifier({ issuer, audience: "x" })(accessToken), /somebody else/);
  const checked = await new Client({ serverURL: server.url }).check.checkCredential({ credential: accessToken });
  assert.equal(checked.clientId, server.id);
});
