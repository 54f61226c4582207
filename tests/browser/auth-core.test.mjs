// Auth.js, unmodified, in an app of its own: its sign-in button, its callback, its session; tokens
// refreshed as its documentation shows; and the way out by the server's logout.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Auth } from "@auth/core";

import { launch, person } from "./chromium.mjs";
import { startServer } from "./server.mjs";
import { answerPages, listen, makeVisitor, register, VISITOR } from "./visitor.mjs";

const PROVIDER = "keyhaven";

describe("@auth/core", () => {
  let server, browser, app, client, config;
  before(async () => {
    [server, browser, app] = await Promise.all([startServer(), launch(), listen(serve)]);
    await makeVisitor(browser, server);
    client = register(server, app.url, "--redirect-uri", `${app.url}/auth/callback/${PROVIDER}`);
    config = configure();
  });
  after(async () => {
    await browser.close();
    await Promise.all([server.stop(), app.stop()]);
  });

  function configure() {
    const provider = {
      id: PROVIDER,
      name: "Keyhaven",
      type: "oidc",
      issuer: server.url,
      clientId: client.client_id,
      clientSecret: client.client_secret,
      authorization: { params: { scope: "openid profile email" } },
      checks: ["pkce", "state", "nonce"],
      // The profile comes from UserInfo.
      idToken: false,
    };
    const callbacks = { jwt: keepTokens, session: showTokens };
    const secret = "a secret of thirty-two bytes or so";
    return { providers: [provider], callbacks, secret, trustHost: true, basePath: "/auth" };
  }

  /** Tokens live in the app's own session, which refreshes them each time it is asked to. */
  async function keepTokens({ token, account, trigger }) {
    if (account) {
      const { access_token, refresh_token, id_token } = account;
      return { ...token, access_token, refresh_token, id_token };
    }
    if (trigger !== "update") return token;
    const pair = Buffer.from(`${client.client_id}:${client.client_secret}`).toString("base64");
    const answer = await fetch(`${server.url}/oauth2/token`, {
      method: "POST",
      headers: { authorization: `Basic ${pair}` },
      body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: token.refresh_token }),
    });
    assert.equal(answer.status, 200);
    return { ...token, ...(await answer.json()) };
  }

  const showTokens = ({ session, token }) => ({ ...session, access: token.access_token, hint: token.id_token });

  async function serve(incoming, outgoing) {
    const url = new URL(incoming.url, app.url);
    if (!url.pathname.startsWith("/auth/")) return outgoing.end("The app.");
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
    const request = new Request(url, { method: incoming.method, headers: incoming.headers, body });
    const answer = await Auth(request, config);
    const headers = Object.fromEntries(answer.headers);
    outgoing.writeHead(answer.status, { ...headers, "set-cookie": answer.headers.getSetCookie() });
    outgoing.end(Buffer.from(await answer.arrayBuffer()));
  }

  const session = async (page) => (await page.request.get(`${app.url}/auth/session`)).json();

  it("signs in, refreshes and signs out", async () => {
    const page = await person(browser);
    await page.goto(`${app.url}/auth/signin?callbackUrl=${app.url}/`);
    await page.getByRole("button", { name: /Keyhaven/ }).click();
    await page.waitForURL(`${server.url}/**`);
    assert.equal(await answerPages(page, server), `${app.url}/`);
    const first = await session(page);
    assert.equal(first.user.email, VISITOR.email);
    assert.equal(first.user.name, VISITOR.name);

    const { csrfToken } = await (await page.request.get(`${app.url}/auth/csrf`)).json();
    const updated = await page.request.post(`${app.url}/auth/session`, { data: { csrfToken, data: {} } });
    const second = await updated.json();
    assert.notEqual(second.access, first.access);
    const told = await fetch(`${server.url}/oauth2/userinfo`, { headers: { authorization: `Bearer ${second.access}` } });
    assert.equal((await told.json()).email, VISITOR.email);

    await page.goto(`${app.url}/auth/signout`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${app.url}/`);
    assert.equal(await session(page), null);
    const leave = new URLSearchParams({ id_token_hint: first.hint, post_logout_redirect_uri: `${app.url}/bye` });
    await page.goto(`${server.url}/oauth2/logout?${leave}`);
    assert.equal(page.url(), `${app.url}/bye`);
    await page.goto(`${server.url}/account`);
    await page.waitForURL(`${server.url}/login?*`);
  });
});
