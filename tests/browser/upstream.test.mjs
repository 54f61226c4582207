// Signing in with another OpenID provider: a second server of ours, whose people are known there and
// not here. Each has a host name of its own, for a browser keeps one set of cookies per host.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { barriers } from "./barriers.mjs";
import { launch, person } from "./chromium.mjs";
import { freePort, startServer } from "./server.mjs";

const PASSWORD = "harbour lights at dusk";

describe("another Keyhaven as the provider", () => {
  let server, provider, browser, upstream;
  before(async () => {
    const port = await freePort();
    const there = { KEYHAVEN_ISSUER: `http://127.0.0.1:${port}`, KEYHAVEN_SIGN_UP: "open" };
    [server, provider, browser] = await Promise.all([
      startServer({ KEYHAVEN_EGRESS_ALLOW: "127.0.0.1" }),
      startServer(there, { listen: `127.0.0.1:${port}` }),
      launch(),
    ]);
    acquaint();
  });
  after(async () => {
    await browser.close();
    await Promise.all([server.stop(), provider.stop()]);
  });

  /** Each learns of the other, as their operators would do it. */
  function acquaint() {
    const scopes = ["openid", "email", "profile"].flatMap((scope) => ["--scope", scope]);
    const client = provider.cli(
      ...["client", "create", "--name", "The harbour office", "--grant", "authorization_code", ...scopes],
      ...["--redirect-uri", `${server.url}/not-yet`],
    );
    const secret = { input: client.client_secret };
    upstream = server.cli(
      ...["upstream", "create", "--issuer", provider.url, "--name", "The other pier"],
      ...["--client-id", client.client_id, "--client-secret-file", "-", "--admits", "newcomers"],
      secret,
    );
    provider.cli("client", "update", client.client_id, "--redirect-uri", upstream.redirect_uri);
  }

  /** Signs up at the provider, which proves the address there. */
  async function knownThere(page, email) {
    await page.goto(`${provider.url}/sign-up`);
    await page.fill("#username", email);
    await page.fill("#name", "Grace Harbour");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForSelector("#notice");
    const letter = await provider.letter(email, /\/sign-up\/confirm#/);
    const link = new URL(/http\S+\/sign-up\/confirm#\S+/.exec(letter)[0]);
    await page.goto(`${provider.url}/sign-up/confirm${link.hash}`);
    await page.click("#login-submit");
    await page.waitForURL(`${provider.url}/account`);
  }

  const throughTheProvider = (page) => page.getByRole("button", { name: "Continue with The other pier" }).click();

  it("brings a newcomer in, who then comes back to the same account", async () => {
    const page = await person(browser);
    await knownThere(page, "grace@example.test");
    await page.goto(`${server.url}/login?continue=/account`);
    await throughTheProvider(page);
    await page.waitForURL(`${provider.url}/**`);
    assert.match(await page.textContent("main"), /The harbour office/);
    assert.deepEqual(await barriers(page), []);
    await page.click("#consent-allow");
    await page.waitForURL(`${server.url}/account`);
    assert.match(await page.textContent("main"), /grace@example\.test/);
    assert.match(await page.textContent("main"), /Grace Harbour/);
    const accounts = () => server.cli("user", "list").items.map((user) => user.email);
    const before = accounts();
    await page.goto(`${server.url}/logout`);
    await page.click("#logout-confirm");
    await page.waitForSelector("#logged-out");
    await page.goto(`${server.url}/login?continue=/account`);
    await throughTheProvider(page);
    // They are signed in there and have agreed before: nothing is asked again.
    await page.waitForURL(`${server.url}/account`);
    assert.deepEqual(accounts(), before, "no second account was made");
    await page.context().close();
  });

  it("signs in who is not known there yet, after they have signed in there", async () => {
    const page = await person(browser);
    await knownThere(page, "edith@example.test");
    await page.context().clearCookies();
    await page.goto(`${server.url}/login?continue=/account`);
    await throughTheProvider(page);
    await page.waitForURL(`${provider.url}/login?*`);
    assert.match(await page.textContent("main"), /to continue to The harbour office/);
    await page.fill("#username", "edith@example.test");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.click("#consent-allow");
    await page.waitForURL(`${server.url}/account`);
    assert.match(await page.textContent("main"), /edith@example\.test/);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  it("is linked and unlinked on the account page", async () => {
    const page = await person(browser);
    await knownThere(page, "mary@example.test");
    const invited = server.cli("user", "invite", "--email", "mary@here.test", "--org", "default", "--role", "member");
    await page.goto(`${server.url}/invitation${new URL(invited.link).hash}`);
    await page.fill("#name", "Mary Harbour");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForURL(`${server.url}/account`);
    await page.getByRole("button", { name: "Link The other pier" }).click();
    await page.click("#consent-allow");
    await page.waitForURL(`${server.url}/account?done=linked`);
    assert.match(await page.textContent("main"), /mary@example\.test · Linked on/);
    assert.deepEqual(await barriers(page), []);
    await page.goto(`${server.url}/logout`);
    await page.click("#logout-confirm");
    await page.waitForSelector("#logged-out");
    await page.goto(`${server.url}/login?continue=/account`);
    await throughTheProvider(page);
    await page.waitForURL(`${server.url}/account`);
    assert.match(await page.textContent("main"), /mary@here\.test/, "the account it was linked to");
    await page.getByRole("button", { name: "Unlink The other pier" }).click();
    await page.waitForURL(`${server.url}/account?done=unlinked`);
    await page.getByRole("button", { name: "Link The other pier" }).waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  it("leaves nobody signed in who said no there", async () => {
    const page = await person(browser);
    await knownThere(page, "no@example.test");
    await page.goto(`${server.url}/login`);
    await throughTheProvider(page);
    await page.click("#consent-deny");
    await page.waitForSelector("#error-page");
    assert.equal(new URL(page.url()).origin, server.url);
    await page.goto(`${server.url}/account`);
    await page.waitForURL("**/login?*");
    await page.context().close();
  });
});
