// The dashboard in Chromium, built from the packed SDK, against a server of its own.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { barriers } from "../../../tests/browser/barriers.mjs";
import { launch, person, SCHEMES, SIZES } from "../../../tests/browser/chromium.mjs";
import { startServer } from "../../../tests/browser/server.mjs";
import { build } from "./build.mjs";
import { startFront } from "./front.mjs";

const EMAIL = "root@example.test";
const PASSWORD = "harbour lights at dusk";

describe("the dashboard", () => {
  let folder, front, server, browser;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "keyhaven-dashboard-"));
    front = await startFront();
    const settings = { KEYHAVEN_DASHBOARD_ORIGIN: front.origin, KEYHAVEN_DASHBOARD_LANDING: "/" };
    [server, browser] = await Promise.all([startServer(settings), launch()]);
    front.serve(await build(folder, server.url), server.url);
    await furnish();
  });
  after(async () => {
    await browser?.close();
    front?.stop();
    await server?.stop();
    await rm(folder, { recursive: true });
  });

  /** A person in two organizations, a key that has spent, a connection. */
  async function furnish() {
    const page = await person(browser);
    await page.goto(`${server.url}/welcome#${server.welcome}`);
    await page.fill("#username", EMAIL);
    await page.fill("#name", "Root");
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForURL("**/account");
    await page.context().close();
    server.cli("org", "create", "--name", "North Yard", "--slug", "north-yard");
    server.cli("member", "add", "--org", "north-yard", EMAIL, "--role", "admin");
    const words = ["--label", "Export", "--limit", "40.00", "--unit", "USD", "--period", "monthly"];
    const key = server.cli("key", "create", "--org", "north-yard", ...words);
    await charge(key.secret);
    await connect();
  }

  async function bearer(scope, ...words) {
    const client = server.cli("client", "create", "--name", "Test", "--scope", scope, ...words);
    const pair = Buffer.from(`${client.client_id}:${client.client_secret}`).toString("base64");
    const form = new URLSearchParams({ grant_type: "client_credentials", scope });
    const headers = { authorization: `Basic ${pair}` };
    const answer = await fetch(`${server.url}/oauth2/token`, { method: "POST", headers, body: form });
    return `Bearer ${(await answer.json()).access_token}`;
  }

  async function post(path, authorization, body) {
    const headers = {
      authorization,
      "content-type": "application/json",
      // What is charged has a name, so that a lost answer is not paid for twice.
      "idempotency-key": crypto.randomUUID(),
    };
    const answer = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  }

  /** 200 for a credential that counts. */
  async function check(credential) {
    const body = JSON.stringify({ credential });
    const headers = { "content-type": "application/json" };
    return (await fetch(`${server.url}/v1/check`, { method: "POST", headers, body })).status;
  }

  async function charge(credential) {
    const authorization = await bearer("keyhaven:usage", "--org", "north-yard");
    await post("/v1/usage/charge", authorization, { credential, cost: { unit: "USD", amount: "12.50" } });
  }

  async function connect() {
    const authorization = await bearer("keyhaven:admin");
    const words = ["--provider", "custom_api_key", "--name", "Warehouse", "--var", "host=api.example.test"];
    const { id } = server.cli("connector", "create", "--org", "north-yard", ...words);
    const body = { connector: id, account_label: "Stock of the yard", api_key: "k" };
    await post("/v1/connections", authorization, body);
  }

  /** Through Keyhaven's own page and back. */
  async function signIn(options) {
    const page = await person(browser, options);
    await page.goto(front.origin);
    await page.click("#sign-in");
    await page.fill("#username", EMAIL);
    await page.fill("#password", PASSWORD);
    await page.click("#login-submit");
    await page.waitForURL(`${front.origin}/**`);
    await page.waitForSelector("#sign-out");
    return page;
  }

  const move = (page, name) =>
    page.getByLabel("Organization").selectOption({ label: name }).then(() =>
      page.getByRole("heading", { level: 1, name }).waitFor());

  it("signs in, says who one is, and signs out", async () => {
    const page = await signIn();
    assert.match(await page.textContent("main"), /Signed in as Root/);
    await page.click("#sign-out");
    await page.waitForSelector("#sign-in");
    await page.reload();
    await page.waitForSelector("#sign-in");
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  it("switches the organization, and everything follows", async () => {
    const page = await signIn();
    await move(page, "North Yard");
    await page.getByRole("heading", { name: "Export" }).waitFor();
    const others = (await page.getByLabel("Organization").locator("option").allTextContents()).filter(
      (name) => name !== "North Yard",
    );
    await move(page, others[0]);
    await page.getByText("No keys yet").waitFor();
    await page.reload();
    await page.getByRole("heading", { level: 1, name: others[0] }).waitFor();
    await page.context().close();
  });

  it("shows keys with their limits, makes one, and deletes it", async () => {
    const page = await signIn();
    await move(page, "North Yard");
    const export_ = page.getByRole("listitem").filter({ hasText: "Export" });
    await export_.getByText("$27.50").waitFor();
    assert.match(await export_.textContent(), /left of \$40\.00/);
    await page.click("#new-key");
    await page.getByLabel("Name").fill("Nightly report");
    await page.getByLabel("Limit").fill("a lot");
    await page.click("#create-key");
    await page.locator(".wrong").waitFor();
    assert.deepEqual(await barriers(page), []);
    await page.getByLabel("Limit").fill("25");
    await page.click("#create-key");
    const secret = await page.textContent("#key-secret");
    assert.match(secret, /^kh_key_/);
    assert.equal(await check(secret), 200);
    await page.getByRole("button", { name: "Done" }).click();
    const row = page.getByRole("listitem").filter({ hasText: "Nightly report" });
    await row.getByText("left of $25.00").waitFor();
    await row.getByRole("button", { name: "Delete" }).click();
    await row.getByRole("button", { name: "Delete Nightly report" }).click();
    await row.waitFor({ state: "detached" });
    assert.equal(await check(secret), 401);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  it("shows connections and ends one", async () => {
    const page = await signIn();
    await move(page, "North Yard");
    const row = page.getByRole("listitem").filter({ hasText: "Warehouse" });
    await row.getByText("Active").waitFor();
    await row.getByRole("button", { name: "Disconnect" }).click();
    await row.getByRole("button", { name: "Disconnect now" }).click();
    await row.getByText("Ended").waitFor();
    await page.context().close();
  });

  it("has no barriers on a phone and a desk, in light and dark", async () => {
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of SCHEMES) {
        const page = await signIn({ viewport, colorScheme });
        await move(page, "North Yard");
        await page.getByText("$27.50").waitFor();
        await page.click("#new-key");
        assert.deepEqual(await barriers(page), [], `${size} ${colorScheme}`);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wider <= 0, `${size} scrolls sideways by ${wider}`);
        await look(page, `${size}-${colorScheme}`);
        await page.click("#sign-out");
        await page.waitForSelector("#sign-in");
        assert.deepEqual(await barriers(page), [], `signed out, ${size} ${colorScheme}`);
        await look(page, `signed-out-${size}-${colorScheme}`);
        await page.context().close();
      }
    }
  });

  /** Pictures for people, where they ask for them. */
  async function look(page, name) {
    const folder = process.env.KEYHAVEN_TEST_SHOTS;
    if (!folder || !name) return;
    await mkdir(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `dashboard-${name}.png`), fullPage: true });
  }
});
