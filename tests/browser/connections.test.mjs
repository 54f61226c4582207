// People who connect an outside account, with a real browser and a provider that asks on a page of its
// own: connect, deny, another account on reconnect, a flow that took too long, the confirm step.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";

import { barriers } from "./barriers.mjs";
import { launch, person } from "./chromium.mjs";
import { startProvider } from "./fake-provider.mjs";
import { startServer } from "./server.mjs";

const PASSWORD = "harbour lights at dusk";
const SETTINGS = "/account/individual/settings/connector";
const ASKS = {
  client_id: "fake-client",
  client_secret: "fake-client-secret",
  reuse: "revoke",
  lifetime: 3600,
  wire: "json",
  consent: "ask",
  kills_access: false,
  clock_ahead: 0,
  errors_are_200: false,
};

/** The platform whose page people come back to: it says where they are. */
async function startHub() {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>Hub</title><h1 id="hub">${request.url.split("?")[0]}</h1>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

describe("people who connect an account", () => {
  let provider, hub, server, browser, admin, organization, connector;

  before(async () => {
    [provider, hub, browser] = await Promise.all([startProvider(), startHub(), launch()]);
    server = await startServer({
      KEYHAVEN_EGRESS_ALLOW: "127.0.0.1",
      KEYHAVEN_CONNECTOR_RETURN_ORIGINS: hub.url,
    });
    admin = await administrator();
    organization = server.cli("org", "show", "default");
    const definition = provider.definition("fake");
    await native("PUT", `/v1/organizations/${organization.id}/providers/fake`, { definition });
    const { client_id, client_secret } = ASKS;
    const made = { provider: "fake", name: "Outside notes", organization: organization.id, client_id, client_secret };
    connector = await native("POST", "/v1/connectors", { ...made, scopes: ["read"] });
  });

  beforeEach(() => provider.control({ rules: ASKS, account: "account-1" }));

  after(async () => {
    await browser.close();
    await server.stop();
    await provider.stop();
    hub.stop();
  });

  /** A token of a program that may administer. */
  async function administrator() {
    const words = ["client", "create", "--name", "Setup", "--grant", "client_credentials"];
    const { client_id, client_secret } = server.cli(...words, "--scope", "keyhaven:admin");
    const basic = Buffer.from(`${client_id}:${client_secret}`).toString("base64");
    const answer = await fetch(`${server.url}/oauth2/token`, {
      method: "POST",
      headers: { authorization: `Basic ${basic}`, "content-type": "application/x-www-form-urlencoded" },
      body: "grant_type=client_credentials&scope=keyhaven:admin",
    });
    return (await answer.json()).access_token;
  }

  async function native(method, path, body) {
    const headers = { authorization: `Bearer ${admin}`, "content-type": "application/json" };
    const sent = { method, headers, body: body && JSON.stringify(body) };
    const answer = await fetch(`${server.url}${path}`, sent);
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  const connection = (id) => native("GET", `/v1/connections/${id}`);

  const timeline = async (id) => {
    const { items } = await native("GET", `/v1/connections/${id}/timeline`);
    return items.map((event) => event.what).reverse();
  };

  /** The connection of a person, if there is one. */
  async function connectionOf(user) {
    const filter = `organization=${organization.id}&connector=${connector.id}&limit=100`;
    const { items } = await native("GET", `/v1/connections?${filter}`);
    return items.find((one) => one.user === user && one.status !== "revoked");
  }

  /** Somebody who has just accepted an invitation, signed in in a browser of their own. */
  async function newcomer(email) {
    const words = ["user", "invite", "--email", email, "--org", "default", "--role", "member"];
    const { hash } = new URL(server.cli(...words).link);
    const page = await person(browser);
    await page.goto(`${server.url}/invitation${hash}`);
    await page.fill("#name", "Ada Byron");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForURL("**/account");
    const { id } = server.cli("user", "show", email);
    return { page, id };
  }

  async function sessionOf(page) {
    const cookies = await page.context().cookies(server.url);
    return cookies.find((cookie) => cookie.name === "__Host-sid").value;
  }

  const authorize = async (page) => ({
    path: `${server.url}/connectors/${connector.id}/oauth/authorize`,
    headers: { authorization: `Bearer ${await sessionOf(page)}` },
  });

  /** What a platform's backend does for a person: asks where to send them. */
  async function startElsewhere(page) {
    const { path, headers } = await authorize(page);
    return (await (await fetch(path, { headers })).json()).authorizationUrl;
  }

  /** Starts in the person's own browser: the flow's cookie is theirs. */
  async function startHere(page) {
    const { path, headers } = await authorize(page);
    const answer = await page.context().request.get(path, { headers });
    await page.goto((await answer.json()).authorizationUrl);
  }

  const atHub = async (page) => {
    await page.waitForSelector("#hub");
    return new URL(page.url());
  };

  /** A person with an active connection. */
  async function connected(email, account) {
    await provider.control({ account });
    const somebody = await newcomer(email);
    await startHere(somebody.page);
    await somebody.page.click("#approve");
    await atHub(somebody.page);
    const made = await connectionOf(somebody.id);
    assert.equal(made.status, "active");
    return { ...somebody, connection: made.id };
  }

  it("connects an account and comes back to the platform", async () => {
    const { page, id } = await newcomer("ada@example.test");
    await startHere(page);
    assert.match(await page.textContent("body"), /The app asks for: read/);
    await page.click("#approve");
    const back = await atHub(page);
    assert.equal(`${back.origin}${back.pathname}`, `${hub.url}${SETTINGS}/${connector.id}`);
    assert.equal(back.search, "", "nothing of the flow is in the address");
    const made = await connectionOf(id);
    assert.equal(made.status, "active");
    assert.equal(made.account, "account-1");
    const token = await native("POST", `/v1/connections/${made.id}/token`, {});
    const said = await fetch(`${provider.url}/userinfo`, {
      headers: { authorization: `${token.scheme} ${token.access_token}` },
    });
    assert.equal((await said.json()).sub, "account-1");
    await page.context().close();
  });

  it("is told by a fixed word that access was denied, and nothing is connected", async () => {
    const { page, id } = await newcomer("berta@example.test");
    await startHere(page);
    await page.click("#deny");
    const back = await atHub(page);
    assert.equal(back.pathname, "/connectors/oauth/callback");
    assert.deepEqual([...back.searchParams], [["oauth_error", "access_denied"]]);
    assert.equal(await connectionOf(id), undefined);
    await page.context().close();
  });

  it("connects again with the same account only", async () => {
    const { page, connection: id } = await connected("cleo@example.test", "account-cleo");
    await native("POST", `/v1/connectors/${connector.id}/bulk`, { action: "reauthorize" });
    assert.equal((await connection(id)).status, "needs_reauth");
    const again = async (account) => {
      await provider.control({ account });
      await page.goto(`${server.url}/connections/${id}/reconnect`);
      assert.deepEqual(await barriers(page), []);
      assert.match(await page.textContent("#connect"), /account-cleo@fake.example/);
      await page.click("#connect-go");
      await page.click("#approve");
      return atHub(page);
    };
    const other = await again("somebody-else");
    assert.deepEqual([...other.searchParams], [["oauth_error", "account_mismatch"]]);
    assert.equal((await connection(id)).status, "needs_reauth", "left as it was");
    const same = await again("account-cleo");
    assert.equal(same.pathname, `${SETTINGS}/${connector.id}`);
    assert.equal((await connection(id)).status, "active");
    assert.deepEqual(page.complaints, [], "the form may lead on to the provider");
    assert.equal((await timeline(id)).at(-1), "reconnected");
    await page.context().close();
  });

  it("may leave the reconnect page without going anywhere", async () => {
    const { page, connection: id } = await connected("dora@example.test", "account-dora");
    await page.goto(`${server.url}/connections/${id}/reconnect`);
    await page.click("#connect-cancel");
    await page.waitForURL("**/account");
    assert.equal((await connection(id)).status, "active");
    await page.context().close();
  });

  it("is told that it took too long, and nothing is exchanged", async () => {
    const { page, id } = await newcomer("emma@example.test");
    await startHere(page);
    letTenMinutesPass();
    const before = await provider.control();
    await page.click("#approve");
    const back = await atHub(page);
    assert.deepEqual([...back.searchParams], [["oauth_error", "flow_expired"]]);
    assert.equal((await provider.control()).token, before.token);
    assert.equal(await connectionOf(id), undefined);
    await page.context().close();
  });

  /** The flows' ends, in the database beside the server: nobody waits in a test. */
  function letTenMinutesPass() {
    const script = [
      "import sqlite3, sys",
      "rows = sqlite3.connect(sys.argv[1], timeout=20)",
      "rows.execute('UPDATE flows SET expires_at = created_at')",
      "rows.commit()",
    ];
    execFileSync("python3", ["-c", script.join("\n"), join(server.data, "keyhaven.db")]);
  }

  it("confirms a connection whose callback came without its browser", async () => {
    const { page, id } = await newcomer("fay@example.test");
    // As a backend starts it: the flow's cookie never reaches the browser.
    await page.goto(await startElsewhere(page));
    await page.click("#approve");
    await page.waitForURL("**/confirm?ticket=*");
    assert.deepEqual(await barriers(page), []);
    const made = await connectionOf(id);
    assert.equal(made.status, "pending");
    assert.match(await page.textContent("h1"), /Is this your Fake provider account\?/);
    await page.click("#connect-go");
    const back = await atHub(page);
    assert.equal(back.pathname, `${SETTINGS}/${connector.id}`);
    assert.equal((await connection(made.id)).status, "active");
    assert.deepEqual(await timeline(made.id), ["connected", "confirmed"]);
    await page.context().close();
  });

  it("cannot be confirmed by whoever was lured to the callback", async () => {
    const eve = await newcomer("eve@example.test");
    const victim = await newcomer("gus@example.test");
    await victim.page.goto(await startElsewhere(eve.page));
    await victim.page.click("#approve");
    await victim.page.waitForURL("**/confirm?ticket=*");
    await victim.page.waitForSelector("#error-page");
    assert.equal((await connectionOf(eve.id)).status, "pending", "no use to anybody");
    assert.equal(await connectionOf(victim.id), undefined);
    await eve.page.context().close();
    await victim.page.context().close();
  });
});
