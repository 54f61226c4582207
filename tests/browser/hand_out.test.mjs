// A key handed to an app, by a person at the real pages: they sign in, lower the limit, the app's
// charge above it is refused, they take the key back, and the next check says why.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";

import { barriers } from "./barriers.mjs";
import { launch, person } from "./chromium.mjs";
import { startServer } from "./server.mjs";

const PASSWORD = "harbour lights at dusk";
const CALLBACK = "https://notes.example/cb?shelf=1";
const VERIFIER = "h3Jt9PzWq0sLxRk2Yc7VbNf5Ae8UdGm1Ti4OoQp6Zw-";
const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");

describe("a key for an app", () => {
  let server, browser, meter;
  before(async () => {
    [server, browser] = await Promise.all([startServer(), launch()]);
    meter = await meterToken();
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  /** A token of the API behind the server, which charges. */
  async function meterToken() {
    const made = server.cli("client", "create", "--name", "Meter", "--scope", "keyhaven:usage");
    const pair = Buffer.from(`${made.client_id}:${made.client_secret}`).toString("base64");
    const answer = await fetch(`${server.url}/oauth2/token`, {
      method: "POST",
      headers: { authorization: `Basic ${pair}` },
      body: new URLSearchParams({ grant_type: "client_credentials", scope: "keyhaven:usage" }),
    });
    return (await answer.json()).access_token;
  }

  async function post(path, body, headers = {}) {
    const answer = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }

  const charge = (credential, amount, name) =>
    post(
      "/v1/usage/charge",
      { credential, cost: { amount, unit: "USD" } },
      { authorization: `Bearer ${meter}`, "idempotency-key": name },
    );

  const check = (credential) => post("/v1/check", { credential });

  /** A person with an account, signed in nowhere. */
  async function invited(email) {
    const { link } = server.cli("user", "invite", "--email", email, "--org", "default", "--role", "member");
    const page = await person(browser);
    await page.goto(`${server.url}/invitation${new URL(link).hash}`);
    await page.fill("#name", "Ada Byron");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForURL("**/account");
    await page.context().close();
  }

  /** The app's own page at the other end, which remembers where the browser was sent. */
  async function appListens(page) {
    const arrived = [];
    await page.route("https://notes.example/**", (route) => {
      arrived.push(new URL(route.request().url()));
      return route.fulfill({ contentType: "text/html", body: "<h1>Thank you</h1>" });
    });
    return arrived;
  }

  function asking(members) {
    const query = new URLSearchParams({
      callback_url: CALLBACK,
      code_challenge: CHALLENGE,
      code_challenge_method: "S256",
      ...members,
    });
    return `${server.url}/auth?${query}`;
  }

  it("is limited by the person, and theirs to take back", async () => {
    await invited("ada@example.test");
    const page = await person(browser);
    const arrived = await appListens(page);

    // The app sends them; nobody is signed in, so they sign in first and come back to the question.
    await page.goto(asking({ limit: "25", key_label: "Notes laptop", state: "a&b" }));
    await page.waitForURL("**/login?*");
    await page.fill("#username", "ada@example.test");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForURL("**/auth/consent?request=*");
    const shown = await page.textContent("main");
    for (const said of ["notes.example", "ada@example.test"]) assert.ok(shown.includes(said), said);
    assert.equal(await page.inputValue("#limit"), "25.00");
    assert.equal(await page.inputValue("#key_label"), "Notes laptop");
    assert.deepEqual(await barriers(page), []);

    // A limit that is none is told beside the field; then they lower it.
    await page.fill("#limit", "-1");
    await page.click("#consent-allow");
    await page.waitForSelector("#limit[aria-invalid=true]");
    assert.equal(arrived.length, 0);
    await page.fill("#limit", "2.50");
    await page.selectOption("#usage_limit_type", "daily");
    await page.click("#consent-allow");
    await page.waitForURL("https://notes.example/**");
    const [callback] = arrived;
    assert.equal(callback.pathname, "/cb");
    assert.equal(callback.searchParams.get("shelf"), "1");
    assert.equal(callback.searchParams.get("state"), "a&b");

    // The app exchanges the code, without any credential, once.
    const code = callback.searchParams.get("code");
    const exchange = { code, code_verifier: VERIFIER, code_challenge_method: "S256" };
    const { status, body } = await post("/api/v1/auth/keys", exchange);
    assert.equal(status, 200);
    const again = await post("/api/v1/auth/keys", exchange);
    assert.deepEqual([again.status, again.body.error.code], [403, 403]);

    // What the app asked for is not what it may spend.
    const above = await charge(body.key, "2.51", "above");
    assert.deepEqual([above.status, above.body.reason], [402, "budget_exhausted"]);
    assert.equal((await charge(body.key, "2.00", "within")).status, 200);
    assert.equal((await charge(body.key, "2.00", "within")).body.repeated, true);
    assert.equal((await charge(body.key, "0.51", "rest")).status, 402);

    // They see what it used, and take it back with a click.
    await page.goto(`${server.url}/account/keys`);
    const item = page.locator("li.item", { hasText: "Notes laptop" });
    const told = await item.textContent();
    for (const said of ["2.00 of 2.50 USD today", "notes.example"]) assert.ok(told.includes(said), told);
    assert.deepEqual(await barriers(page), []);
    assert.equal((await check(body.key)).status, 200);
    await item.getByRole("button", { name: "Take back" }).click();
    await page.waitForFunction(() => document.querySelectorAll("li.item").length === 0);

    // The next check refuses, and its code leads an administrator to the rule.
    const refused = await check(body.key);
    assert.deepEqual([refused.status, refused.body.reason], [401, "invalid_token"]);
    const why = await explained(refused.body.code);
    assert.match(JSON.stringify(why), /the key or a grant above it was revoked/);
    assert.equal((await charge(body.key, "0.01", "late")).status, 401);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  /** Refusals are written down behind the answer, so the code is asked for until it is known. */
  async function explained(code) {
    for (const end = Date.now() + 20_000; ; ) {
      try {
        return server.cli("explain", code);
      } catch (unknown) {
        if (Date.now() > end) throw unknown;
      }
    }
  }

  it("is not made when the person says no", async () => {
    await invited("bob@example.test");
    const page = await person(browser);
    const arrived = await appListens(page);
    await page.goto(asking({ state: "s" }));
    await page.fill("#username", "bob@example.test");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForURL("**/auth/consent?request=*");
    await page.click("#consent-deny");
    await page.waitForURL("https://notes.example/**");
    const said = Object.fromEntries(arrived[0].searchParams);
    assert.deepEqual(said, { shelf: "1", error: "access_denied", state: "s" });
    await page.goto(`${server.url}/account/keys`);
    assert.equal(await page.locator("li.item").count(), 0);
    await page.context().close();
  });
});
