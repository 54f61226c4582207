// People at the real server, with a real browser: whole journeys, told by what is on the screen.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { barriers } from "./barriers.mjs";
import { launch, person } from "./chromium.mjs";
import { startServer } from "./server.mjs";
import { totp } from "./totp.mjs";

const PASSWORD = "harbour lights at dusk";

describe("people at the pages", () => {
  let server, browser;
  before(async () => {
    [server, browser] = await Promise.all([startServer({ KEYHAVEN_SIGN_UP: "open" }), launch()]);
    await makeAdministrator();
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  async function makeAdministrator() {
    const page = await person(browser);
    await page.goto(`${server.url}/welcome#${server.welcome}`);
    assert.equal(await page.locator("#once").isVisible(), false, "the code came with the address");
    assert.equal(new URL(page.url()).hash, "", "and left it");
    await page.fill("#username", "root@example.test");
    await page.fill("#name", "Root");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForURL("**/account");
    await page.context().close();
  }

  const signedIn = (page) => page.waitForURL("**/account");

  async function signIn(page, username, password = PASSWORD) {
    await page.goto(`${server.url}/login?continue=/account`);
    await page.fill("#username", username);
    await page.fill("#password", password);
    await page.click("#login-submit");
  }

  async function signOut(page, where = "here") {
    await page.goto(`${server.url}/logout`);
    await page.check(`input[value=${where}]`);
    await page.click("#logout-confirm");
    await page.waitForSelector("#logged-out");
  }

  /** Invites an address and accepts in a browser of its own, which stays signed in. */
  async function newPerson(email, options = {}) {
    const { link } = server.cli("user", "invite", "--email", email, "--org", "default", "--role", "member");
    const page = await person(browser, options);
    const { hash } = new URL(link);
    await page.goto(`${server.url}/invitation${hash}`);
    if (options.javaScriptEnabled === false) await page.fill("#once", hash.slice(1));
    await page.fill("#name", "Ada Byron");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await signedIn(page);
    return page;
  }

  async function addAuthenticator(page) {
    await page.goto(`${server.url}/account/authenticator`);
    const secret = await page.textContent("#totp-secret");
    await page.fill("#code", totp(secret, Date.now() - 30_000));
    await page.getByRole("button", { name: "Turn it on" }).click();
    await page.waitForSelector("#codes");
    return { secret, codes: await page.locator("#codes li").allTextContents() };
  }

  /** A device that holds passkeys, in this page's browser. */
  async function addAuthenticatorDevice(page) {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", { options: AUTHENTICATOR });
  }

  it("the welcome page is gone once there is an administrator", async () => {
    const page = await person(browser);
    const answer = await page.goto(`${server.url}/welcome`);
    assert.equal(answer.status(), 404);
    await page.waitForSelector("#error-page");
    await page.context().close();
  });

  it("an invited person signs in with a password, without JavaScript", async () => {
    const page = await newPerson("plain@example.test", { javaScriptEnabled: false });
    await signOut(page);
    await signIn(page, "plain@example.test", "wrong");
    assert.equal(await page.locator("[role=alert]").first().isVisible(), true);
    assert.equal(await page.inputValue("#username"), "plain@example.test");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await signedIn(page);
    await page.context().close();
  });

  it("what went wrong has the focus", async () => {
    const page = await person(browser);
    await signIn(page, "nobody@example.test", "wrong");
    await page.waitForSelector("#alert");
    assert.equal(await page.evaluate(() => document.activeElement.id), "alert");
    assert.deepEqual(await barriers(page), []);
    await page.context().close();
  });

  it("a code from an app is the second step, and a recovery code stands in for it", async () => {
    const page = await newPerson("totp@example.test");
    const { secret, codes } = await addAuthenticator(page);
    assert.equal(codes.length, 10);
    await signOut(page);
    await signIn(page, "totp@example.test");
    await page.waitForURL("**/login/factor?*");
    assert.deepEqual(await barriers(page), []);
    await page.fill("#code", totp(secret, Date.now()));
    await page.click("#login-submit");
    await signedIn(page);
    await signOut(page);
    await signIn(page, "totp@example.test");
    await page.getByRole("link", { name: "Use a recovery code" }).click();
    await page.fill("#code", codes[0]);
    await page.click("#login-submit");
    await signedIn(page);
    assert.match(await page.textContent("main"), /9 left/);
    await page.context().close();
  });

  it("a passkey is added and signs in alone", async () => {
    const page = await newPerson("passkey@example.test");
    await addAuthenticatorDevice(page);
    await page.goto(`${server.url}/account/passkeys/new`);
    assert.deepEqual(await barriers(page), []);
    await page.fill("#name", "A test's key");
    await page.click("#passkey");
    await page.waitForSelector("#codes");
    await page.goto(`${server.url}/account`);
    assert.match(await page.textContent("main"), /A test’?'?s key/);
    await signOut(page);
    await page.goto(`${server.url}/login?continue=/account`);
    // The browser may offer the key by itself before the button is reached.
    await Promise.race([page.click("#passkey").catch(() => {}), signedIn(page)]);
    await signedIn(page);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  it("a code that was mailed signs in", async () => {
    const page = await newPerson("mail@example.test");
    await signOut(page);
    await page.goto(`${server.url}/login?continue=/account`);
    await page.getByRole("link", { name: "Send me a code by mail" }).click();
    await page.fill("#username", "mail@example.test");
    await page.click("#login-submit");
    await page.waitForURL("**/login/code/enter?*");
    const letter = await server.letter("mail@example.test", /sign/i);
    await page.fill("#code", /\b\d{4} \d{4}\b/.exec(letter)[0]);
    await page.click("#login-submit");
    await signedIn(page);
    await page.context().close();
  });

  it("a forgotten password is set with the mailed link, and ends the other sessions", async () => {
    const page = await newPerson("forgot@example.test");
    const other = await person(browser);
    await other.goto(`${server.url}/login`);
    await other.getByRole("link", { name: "Forgot it?" }).click();
    await other.fill("#username", "forgot@example.test");
    await other.click("#login-submit");
    await other.waitForSelector("#notice");
    const letter = await server.letter("forgot@example.test", /\/reset#/);
    const link = new URL(/http\S+\/reset#\S+/.exec(letter)[0]);
    await other.goto(`${server.url}/reset${link.hash}`);
    await other.fill("#password", "another quiet harbour");
    await other.click("#login-submit");
    await other.waitForSelector("#notice");
    await page.goto(`${server.url}/account`);
    await page.waitForURL("**/login?*");
    await signIn(other, "forgot@example.test", "another quiet harbour");
    await signedIn(other);
    await Promise.all([page, other].map((each) => each.context().close()));
  });

  it("anybody makes an account where that is open, by proving the address", async () => {
    const page = await person(browser);
    await page.goto(`${server.url}/login`);
    await page.getByRole("link", { name: "Create an account" }).click();
    await page.fill("#username", "new@example.test");
    await page.fill("#name", "New Person");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForSelector("#notice");
    const letter = await server.letter("new@example.test", /\/sign-up\/confirm#/);
    const link = new URL(/http\S+\/sign-up\/confirm#\S+/.exec(letter)[0]);
    await page.goto(`${server.url}/sign-up/confirm${link.hash}`);
    await page.click("#login-submit");
    await signedIn(page);
    assert.match(await page.textContent("main"), /new@example\.test/);
    await page.context().close();
  });

  it("anybody makes an account with a passkey alone", async () => {
    const page = await person(browser);
    await addAuthenticatorDevice(page);
    await page.goto(`${server.url}/sign-up`);
    await page.fill("#username", "keyonly@example.test");
    await page.fill("#name", "Key Only");
    await page.getByRole("button", { name: "Use a passkey, no password" }).click();
    await page.waitForSelector("#notice");
    const letter = await server.letter("keyonly@example.test", /\/sign-up\/confirm#/);
    const link = new URL(/http\S+\/sign-up\/confirm#\S+/.exec(letter)[0]);
    await page.goto(`${server.url}/sign-up/confirm${link.hash}`);
    await page.click("#login-submit");
    await page.waitForURL("**/account/passkeys/new");
    await page.fill("#name", "A test key");
    await page.click("#passkey");
    await page.waitForSelector("#codes");
    await page.goto(`${server.url}/account`);
    assert.match(await page.textContent("main"), /None; you sign in another way/);
    await signOut(page);
    await page.goto(`${server.url}/login?continue=/account`);
    await Promise.race([page.click("#passkey").catch(() => {}), signedIn(page)]);
    await signedIn(page);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  it("a person switches organizations", async () => {
    const page = await newPerson("switch@example.test");
    server.cli("org", "create", "--slug", "second", "--name", "Second Harbour");
    server.cli("member", "add", "--org", "second", "switch@example.test", "--role", "member");
    // The command line wrote beside the server, which hears of it within a second.
    const second = page.getByRole("button", { name: "Switch to Second Harbour" });
    do await page.goto(`${server.url}/organizations`);
    while (!(await second.isVisible()));
    await second.click();
    await page.waitForLoadState();
    const item = page.locator("li.item", { hasText: "Second Harbour" });
    assert.match(await item.textContent(), /In use/);
    await page.context().close();
  });

  it("signing out everywhere ends the other browser's session too", async () => {
    const page = await newPerson("every@example.test");
    const other = await person(browser);
    await signIn(other, "every@example.test");
    await signedIn(other);
    await signOut(page, "everywhere");
    await other.goto(`${server.url}/account`);
    await other.waitForURL("**/login?*");
    await Promise.all([page, other].map((each) => each.context().close()));
  });

  it("every live page keeps the policy and bars nobody", async () => {
    const page = await newPerson("live@example.test");
    const paths = ["/account", "/account/password", "/account/authenticator", "/organizations", "/logout"];
    for (const path of [...paths, "/login?again=yes", "/login/code", "/recover", "/sign-up", "/nowhere"]) {
      await page.goto(`${server.url}${path}`);
      assert.deepEqual(await barriers(page), [], path);
      assert.deepEqual(page.complaints.splice(0), [], path);
    }
    await page.context().close();
  });

  it("a15 no page of ours opens in a frame", async () => {
    const page = await person(browser);
    const address = `${server.url}/login`;
    await page.goto(`${server.url}/logged-out`);
    await page.route("**/framing", (route) =>
      route.fulfill({ contentType: "text/html", body: `<iframe src="${address}"></iframe>` }),
    );
    await page.goto(`${server.url}/framing`);
    await page.waitForLoadState("networkidle");
    const framed = page.frames().find((frame) => frame !== page.mainFrame());
    assert.equal(await framed.locator("#login-submit").count(), 0);
    await page.context().close();
  });
});

const AUTHENTICATOR = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};
