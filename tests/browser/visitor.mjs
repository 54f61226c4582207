// Somebody with a browser who does what the server's pages ask: signs in, allows, confirms.

import { createServer } from "node:http";

import { person } from "./chromium.mjs";

const PASSWORD = "harbour lights at dusk";

/** Who visits. */
export const VISITOR = { email: "ada@example.test", name: "Ada Byron" };

/** Makes the visitor the first account of a fresh server, in a browser that forgets it again. */
export async function makeVisitor(browser, server) {
  const page = await person(browser);
  await page.goto(`${server.url}/welcome#${server.welcome}`);
  await page.fill("#username", VISITOR.email);
  await page.fill("#name", VISITOR.name);
  await page.fill("#password", PASSWORD);
  await page.click("#login-submit");
  await page.waitForURL("**/account");
  await page.context().close();
}

/** What to press where, and what to fill in before. */
const STEPS = [
  { button: "#login-submit", fields: { "#username": VISITOR.email, "#password": PASSWORD } },
  { button: "#consent-allow", fields: {} },
  { button: "#logout-confirm", fields: {} },
];
const MOST_STEPS = 4;

/** Opens `address`, and answers the pages of `server` until one asks nothing; its address. */
export async function visit(page, server, address) {
  await page.goto(address);
  return answerPages(page, server);
}

/** Answers the pages of `server` from the present one on; the address of the last. */
export async function answerPages(page, server) {
  for (let step = 0; step < MOST_STEPS && page.url().startsWith(server.url); step += 1) {
    const asked = await asks(page);
    if (!asked) break;
    for (const [field, value] of Object.entries(asked.fields)) await page.fill(field, value);
    const before = page.url();
    await page.click(asked.button);
    await page.waitForURL((address) => address.href !== before);
  }
  return page.url();
}

async function asks(page) {
  for (const step of STEPS) if (await page.locator(step.button).count()) return step;
  return undefined;
}

/** Where an app's addresses lead: a listener that answers everything, or as `handle` says. */
export async function listen(handle = (_, response) => response.end("Back at the app.")) {
  const listener = createServer(handle);
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    stop: () => {
      listener.closeAllConnections();
      return new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** Registers an app whose addresses are under `app`, by the command line; its id and secret. */
export function register(server, app, ...more) {
  const words = ["client", "create", "--org", "default", "--name", "Harbour notes"];
  words.push("--grant", "authorization_code", "--grant", "refresh_token");
  words.push(...["openid", "profile", "email", "offline_access"].flatMap((one) => ["--scope", one]));
  words.push("--redirect-uri", `${app}/callback`, "--post-logout-redirect-uri", `${app}/bye`);
  return server.cli(...words, ...more);
}
