// Published clients, unmodified: somebody signs in with an app, the app reads who it is, refreshes,
// and signs them out again.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";

import * as oauth from "oauth4webapi";
import * as oidc from "openid-client";

import { launch, person } from "./chromium.mjs";
import { startServer } from "./server.mjs";
import { listen, makeVisitor, register, visit, VISITOR } from "./visitor.mjs";

const SETTINGS = { KEYHAVEN_DPOP_NONCES: "required" };
const SCOPE = "openid profile email";

let server, browser, app, page;
before(async () => {
  [server, browser, app] = await Promise.all([startServer(SETTINGS), launch(), listen()]);
  await makeVisitor(browser, server);
});
after(async () => {
  await browser.close();
  await Promise.all([server.stop(), app.stop()]);
});
beforeEach(async () => {
  await page?.context().close();
  page = await person(browser);
});

const go = async (address) => new URL(await visit(page, server, String(address)));

/** What every app learns of the visitor. */
function isTheVisitor(told, claims) {
  assert.equal(told.sub, claims.sub);
  assert.equal(told.email, VISITOR.email);
  assert.equal(told.name, VISITOR.name);
  assert.deepEqual(page.complaints, []);
}

describe("openid-client", () => {
  const callback = () => `${app.url}/callback`;
  const rules = { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] };
  const discover = (client, method) =>
    oidc.discovery(new URL(server.url), client.client_id, undefined, method, rules);

  /** What a request says and what its answer must fit. */
  async function pkce() {
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const checks = { pkceCodeVerifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() };
    const parameters = {
      redirect_uri: callback(),
      scope: SCOPE,
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
    };
    return { checks, parameters };
  }

  async function signIn(config) {
    const { checks, parameters } = await pkce();
    const landed = await go(oidc.buildAuthorizationUrl(config, parameters));
    return oidc.authorizationCodeGrant(config, landed, checks);
  }

  const METHODS = [
    ["client_secret_basic", (client) => oidc.ClientSecretBasic(client.client_secret)],
    ["client_secret_post", (client) => oidc.ClientSecretPost(client.client_secret)],
    ["none", () => oidc.None()],
  ];
  for (const [name, method] of METHODS) {
    it(`signs in, refreshes and signs out as ${name}`, async () => {
      const client = register(server, app.url, "--auth-method", name);
      const config = await discover(client, method(client));
      const tokens = await signIn(config);
      const claims = tokens.claims();
      assert.equal(claims.iss, server.url);
      isTheVisitor(await oidc.fetchUserInfo(config, tokens.access_token, claims.sub), claims);

      const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token);
      assert.notEqual(fresh.access_token, tokens.access_token);
      assert.equal(fresh.claims().sub, claims.sub);
      isTheVisitor(await oidc.fetchUserInfo(config, fresh.access_token, claims.sub), claims);

      const parameters = { post_logout_redirect_uri: `${app.url}/bye`, id_token_hint: tokens.id_token, state: "7" };
      const left = await go(oidc.buildEndSessionUrl(config, parameters));
      assert.equal(left.href, `${app.url}/bye?state=7`);
      await rejectsOAuth(oidc.refreshTokenGrant(config, fresh.refresh_token ?? tokens.refresh_token), "invalid_grant");
    });
  }

  it("signs in without a word while the session lives, and hears when it does not", async () => {
    const client = register(server, app.url);
    const config = await discover(client, oidc.ClientSecretBasic(client.client_secret));
    await signIn(config);
    const { checks, parameters } = await pkce();
    const silent = oidc.buildAuthorizationUrl(config, { ...parameters, prompt: "none" });
    await page.goto(String(silent));
    const tokens = await oidc.authorizationCodeGrant(config, new URL(page.url()), checks);
    await go(oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token }));
    await page.goto(String(silent));
    const refused = oidc.authorizationCodeGrant(config, new URL(page.url()), checks);
    await assert.rejects(refused, (error) => error.error === "login_required");
  });

  it("hears when somebody says no", async () => {
    const client = register(server, app.url);
    const config = await discover(client, oidc.ClientSecretBasic(client.client_secret));
    await signIn(config);
    const { checks, parameters } = await pkce();
    await page.goto(String(oidc.buildAuthorizationUrl(config, { ...parameters, prompt: "consent" })));
    await page.click("#consent-deny");
    await page.waitForURL(`${callback()}?*`);
    const refused = oidc.authorizationCodeGrant(config, new URL(page.url()), checks);
    await assert.rejects(refused, (error) => error.error === "access_denied");
  });

  it("pushes its request, signs its assertions and binds its tokens as fapi2 has it", async () => {
    const keys = await oauth.generateKeyPair("ES256");
    const client = await withKeys(keys, (file) =>
      register(server, app.url, "--profile", "fapi2", "--jwks", file, "--assertion-alg", "ES256", "--id-token-alg", "ES256"),
    );
    const config = await discover(client, oidc.PrivateKeyJwt({ key: keys.privateKey, kid: "one" }));
    const pair = await oidc.randomDPoPKeyPair("ES256");
    const DPoP = oidc.getDPoPHandle(config, pair);
    const { checks, parameters } = await pkce();
    const pushed = await oidc.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
    assert.deepEqual([...pushed.searchParams.keys()].sort(), ["client_id", "request_uri"]);
    const tokens = await oidc.authorizationCodeGrant(config, await go(pushed), checks, undefined, { DPoP });
    assert.equal(tokens.token_type, "dpop");
    const claims = tokens.claims();
    // A handle that knows no nonce yet is told of one, and tries again by itself.
    const another = { DPoP: oidc.getDPoPHandle(config, pair) };
    isTheVisitor(await oidc.fetchUserInfo(config, tokens.access_token, claims.sub, another), claims);
    const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    isTheVisitor(await oidc.fetchUserInfo(config, fresh.access_token, claims.sub, { DPoP }), claims);
    await oidc.tokenRevocation(config, tokens.refresh_token);
    await rejectsOAuth(oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP }), "invalid_grant");
  });
});

async function withKeys(keys, use) {
  const folder = await mkdtemp(join(tmpdir(), "keyhaven-keys-"));
  const file = join(folder, "jwks.json");
  const jwk = await crypto.subtle.exportKey("jwk", keys.publicKey);
  await writeFile(file, JSON.stringify({ keys: [{ kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y, kid: "one", alg: "ES256", use: "sig" }] }));
  try {
    return use(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const rejectsOAuth = (promise, code) =>
  assert.rejects(promise, (error) => error.error === code || assert.fail(error));

describe("oauth4webapi", () => {
  const http = { [oauth.allowInsecureRequests]: true };

  it("signs in, refreshes and signs out", async () => {
    const { client_id, client_secret } = register(server, app.url);
    const issuer = new URL(server.url);
    const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http));
    const client = { client_id };
    const proof = oauth.ClientSecretBasic(client_secret);
    const verifier = oauth.generateRandomCodeVerifier();
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
    const redirect = `${app.url}/callback`;
    const asked = new URL(as.authorization_endpoint);
    asked.search = new URLSearchParams({
      client_id, redirect_uri: redirect, response_type: "code", scope: SCOPE, state, nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
    });
    const answer = oauth.validateAuthResponse(as, client, await go(asked), state);
    const redeemed = await oauth.authorizationCodeGrantRequest(as, client, proof, answer, redirect, verifier, http);
    const checks = { expectedNonce: nonce, requireIdToken: true };
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, redeemed, checks);
    await oauth.validateApplicationLevelSignature(as, redeemed, http);
    const claims = oauth.getValidatedIdTokenClaims(tokens);
    const userinfo = async (token) => {
      const told = await oauth.userInfoRequest(as, client, token, http);
      return oauth.processUserInfoResponse(as, client, claims.sub, told);
    };
    isTheVisitor(await userinfo(tokens.access_token), claims);

    const renewed = await oauth.refreshTokenGrantRequest(as, client, proof, tokens.refresh_token, http);
    const fresh = await oauth.processRefreshTokenResponse(as, client, renewed);
    isTheVisitor(await userinfo(fresh.access_token), claims);

    const leave = new URL(as.end_session_endpoint);
    leave.search = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: `${app.url}/bye` });
    assert.equal((await go(leave)).href, `${app.url}/bye`);
    await assert.rejects(userinfo(fresh.access_token), (error) => error.status === 401);
  });
});
