// The published SDK, unmodified, in its older and its newest shape: create, refresh and revoke.
//
// 0.14.0 sends no version header and parses `Bearer` only, so its server is set to that word; the
// newest says what it wants in its version header, so its server runs on defaults.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import * as newest from "moov-newest";
import * as newestErrors from "moov-newest/models/errors/index.js";
import * as old from "moov-old";
import * as oldErrors from "moov-old/models/errors/index.js";

import { SCOPE, startServer } from "./server.mjs";

const SHAPES = [
  { name: "0.14.0", sdk: old, errors: oldErrors, settings: { KEYHAVEN_MOOV_TOKEN_TYPE: "bearer" } },
  { name: "26.7.1", sdk: newest, errors: newestErrors, settings: {} },
];

for (const { name, sdk, errors, settings } of SHAPES) {
  describe(`@moovio/sdk ${name}`, () => {
    let server;
    before(async () => (server = await startServer({ settings })));
    after(async () => server.stop());

    // The user name and password of its security option become HTTP Basic.
    const connect = (username, password) =>
      new sdk.Moov({ serverURL: server.url, security: { username, password } }).authentication;
    const itself = () => connect(server.id, server.secret);
    const create = async (auth = itself()) => {
      const answer = await auth.createAccessToken({
        grantType: "client_credentials",
        scope: SCOPE,
      });
      return answer.result;
    };
    const refresh = async (refreshToken) =>
      (await itself().createAccessToken({ grantType: "refresh_token", refreshToken })).result;
    const isActive = async (token) => {
      const pair = Buffer.from(`${server.id}:${server.secret}`).toString("base64");
      const answer = await fetch(`${server.url}/oauth2/introspect`, {
        method: "POST",
        headers: { authorization: `Basic ${pair}` },
        body: new URLSearchParams({ token }),
      });
      return (await answer.json()).active;
    };

    it("creates a token", async () => {
      const token = await create();
      assert.equal(token.tokenType, "Bearer");
      assert.equal(token.scope, SCOPE);
      assert.ok(token.accessToken && token.refreshToken);
      const left = token.expiresIn - Date.now() / 1000;
      assert.ok(left > 0 && left <= 600, `expires_in is a Unix timestamp, ${left} s from now`);
      assert.equal(await isActive(token.accessToken), true);
    });

    it("creates a token with credentials in the body beside an empty Basic pair", async () => {
      const answer = await connect("", "").createAccessToken({
        grantType: "client_credentials",
        clientId: server.id,
        clientSecret: server.secret,
        scope: "/ping.read",
      });
      assert.equal(answer.result.scope, "/ping.read");
    });

    it("creates a token with the same credentials in Basic and in the body", async () => {
      const answer = await itself().createAccessToken({
        grantType: "client_credentials",
        clientId: server.id,
        clientSecret: server.secret,
        scope: "/ping.read",
      });
      assert.equal(answer.result.scope, "/ping.read");
    });

    it("refreshes a token, and the refresh token rotates", async () => {
      const token = await create();
      const next = await refresh(token.refreshToken);
      assert.notEqual(next.refreshToken, token.refreshToken);
      assert.equal(next.scope, token.scope);
      assert.equal(await isActive(next.accessToken), true);
    });

    it("revokes an access token", async () => {
      const token = await create();
      await itself().revokeAccessToken({
        token: token.accessToken,
        tokenTypeHint: "access_token",
      });
      assert.equal(await isActive(token.accessToken), false);
      await refresh(token.refreshToken);
    });

    it("revokes a refresh token with its access tokens", async () => {
      const token = await create();
      await itself().revokeAccessToken({ token: token.refreshToken });
      assert.equal(await isActive(token.accessToken), false);
      await assert.rejects(refresh(token.refreshToken), isGeneric("invalid_grant"));
    });

    it("revokes an unknown token without complaint", async () => {
      await itself().revokeAccessToken({ token: "unknown", tokenTypeHint: "refresh_token" });
    });

    it("hears of a wrong secret as a typed error", async () => {
      await assert.rejects(create(connect(server.id, "wrong")), isGeneric("invalid_client"));
      const revoking = connect(server.id, "wrong").revokeAccessToken({ token: "x" });
      await assert.rejects(revoking, isGeneric("invalid_client"));
    });

    it("hears of an unknown refresh token as a typed error", async () => {
      await assert.rejects(refresh("rt_Qb82"), isGeneric("invalid_grant"));
    });

    it("hears of a scope that is too wide as a typed error", async () => {
      const wide = { grantType: "client_credentials", scope: "/accounts.write" };
      await assert.rejects(itself().createAccessToken(wide), isGeneric("invalid_scope"));
    });

    it("hears of a missing scope under its name", async () => {
      const without = itself().createAccessToken({ grantType: "client_credentials" });
      await assert.rejects(without, (error) => {
        assert.ok(error instanceof errors.AuthTokenRequestError, String(error));
        assert.match(error.scope, /^scope is missing/);
        assert.equal(error.refreshToken, undefined);
        return true;
      });
    });

    it("hears of a missing refresh token under its name", async () => {
      const without = itself().createAccessToken({ grantType: "refresh_token" });
      await assert.rejects(without, (error) => {
        assert.ok(error instanceof errors.AuthTokenRequestError, String(error));
        assert.match(error.refreshToken, /^refresh_token is missing/);
        return true;
      });
    });

    it("hears of a token to revoke that is too long under its name", async () => {
      const long = itself().revokeAccessToken({ token: "x".repeat(4097) });
      await assert.rejects(long, (error) => {
        assert.ok(error instanceof errors.RevokeTokenRequestError, String(error));
        assert.match(error.token, /^token is longer/);
        return true;
      });
    });

    it("loses the family when an old refresh token comes back", async () => {
      const first = await create();
      const second = await refresh(first.refreshToken);
      const third = await refresh(second.refreshToken);
      await assert.rejects(refresh(first.refreshToken), isGeneric("invalid_grant"));
      await assert.rejects(refresh(third.refreshToken), isGeneric("invalid_grant"));
      assert.equal(await isActive(third.accessToken), false);
    });

    it("gets the same successor when twenty processes refresh at once", async () => {
      const token = await create();
      const refreshes = Array.from({ length: 20 }, () => refresh(token.refreshToken));
      const successors = new Set((await Promise.all(refreshes)).map((next) => next.refreshToken));
      assert.equal(successors.size, 1);
      await refresh([...successors][0]);
    });

    const isGeneric = (code) => (error) => {
      assert.ok(error instanceof errors.GenericError, String(error));
      assert.equal(error.error, code);
      return true;
    };
  });
}
