// An app that signs people in, in a real browser: the answer by redirect and by form, consent that leads
// to another origin under the page's policy, and taking it back.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";

import { barriers } from "./barriers.mjs";
import { launch, person } from "./chromium.mjs";
import { startServer } from "./server.mjs";

const PASSWORD = "harbour lights at dusk";
const EMAIL = "ada@example.test";

/** An app on an origin of its own that keeps what it is answered. */
async function startApp() {
  const answers = [];
  const waiting = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (text) => (body += text));
    request.on("end", () => {
      const url = new URL(request.url, "http://127.0.0.1");
      if (url.pathname === "/cb") {
        const fields = request.method === "POST" ? new URLSearchParams(body) : url.searchParams;
        const answer = { method: request.method, type: request.headers["content-type"], ...Object.fromEntries(fields) };
        (waiting.shift() ?? ((one) => answers.push(one)))(answer);
      }
      response.setHeader("content-type", "text/html").end("<title>app</title><p id=there>there</p>");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    redirect: `${origin}/cb`,
    /** The next answer. */
    answer: () => (answers.length ? Promise.resolve(answers.shift()) : new Promise((resolve) => waiting.push(resolve))),
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

describe("an app and its people", () => {
  let server, browser, app, client, page;
  before(async () => {
    [server, browser, app] = await Promise.all([startServer(), launch(), startApp()]);
    const words = ["--public", "--grant", "authorization_code", "--redirect-uri", app.redirect];
    client = server.cli("client", "create", "--name", "Portal", ...words, "--scope", "openid", "--scope", "email");
    page = await person(browser);
    await page.goto(`${server.url}/welcome#${server.welcome}`);
    await page.fill("#username", EMAIL);
    await page.fill("#name", "Ada Byron");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForURL("**/account");
  });
  after(async () => {
    await browser.close();
    await Promise.all([server.stop(), app.stop()]);
  });

  /** The address of a request, and the verifier of its code. */
  function request(more = {}) {
    const verifier = randomBytes(32).toString("base64url");
    const query = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: app.redirect,
      response_type: "code",
      scope: "openid email",
      state: 'a"><script>x</script>',
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      ...more,
    });
    return { address: `${server.url}/oauth2/authorize?${query}`, verifier };
  }

  async function redeem(code, verifier) {
    const form = { grant_type: "authorization_code", code, code_verifier: verifier };
    const body = new URLSearchParams({ ...form, redirect_uri: app.redirect, client_id: client.client_id });
    const answer = await fetch(`${server.url}/oauth2/token`, { method: "POST", body });
    assert.equal(answer.status, 200);
    return answer.json();
  }

  it("signs in with the address the app hinted at, and is answered by redirect", async () => {
    const stranger = await person(browser);
    const { address, verifier } = request({ login_hint: EMAIL });
    await stranger.goto(address);
    assert.equal(await stranger.inputValue("#username"), EMAIL);
    assert.match(await stranger.textContent("main"), /Portal/);
    await stranger.fill("#password", PASSWORD);
    await stranger.click("#login-submit");
    await stranger.waitForSelector("#consent-allow");
    assert.deepEqual(await barriers(stranger), []);
    await stranger.click("#consent-allow");
    await stranger.waitForSelector("#there");
    const answer = await app.answer();
    assert.equal(answer.method, "GET");
    assert.equal(answer.state, 'a"><script>x</script>');
    assert.equal(answer.iss, server.url);
    assert.ok((await redeem(answer.code, verifier)).id_token);
    await stranger.context().close();
  });

  it("is answered by a form that sends itself", async () => {
    const { address, verifier } = request({ response_mode: "form_post" });
    await page.goto(address);
    await page.click("#consent-allow");
    await page.waitForSelector("#there");
    const answer = await app.answer();
    assert.equal(answer.method, "POST");
    assert.equal(answer.type, "application/x-www-form-urlencoded");
    assert.equal(answer.state, 'a"><script>x</script>');
    assert.equal(answer.iss, server.url);
    assert.ok((await redeem(answer.code, verifier)).access_token);
  });

  it("is answered by a form and its button where there is no JavaScript", async () => {
    const plain = await person(browser, { javaScriptEnabled: false });
    await plain.goto(request({ response_mode: "form_post", prompt: "none" }).address);
    await plain.click("#form-post-submit");
    await plain.waitForSelector("#there");
    const answer = await app.answer();
    assert.deepEqual([answer.method, answer.error], ["POST", "login_required"]);
    await plain.context().close();
  });

  it("hears that a person said no", async () => {
    await page.goto(request({ prompt: "consent" }).address);
    await page.click("#consent-deny");
    await page.waitForSelector("#there");
    assert.equal((await app.answer()).error, "access_denied");
  });

  it("is taken back on the account page", async () => {
    await page.goto(`${server.url}/account/apps`);
    assert.match(await page.textContent("main"), /Portal/);
    assert.deepEqual(await barriers(page), []);
    await page.getByRole("button", { name: "Take back from Portal" }).click();
    await page.waitForURL("**/account/apps");
    assert.match(await page.textContent("main"), /No app uses your account/);
  });
});
