// The stage for clients in other languages: a server, an app registered with it, and somebody in
// Chromium. Its first line is JSON: where the server is, who the app is and who signs in. Then it
// reads addresses, opens each in the browser, and writes the address where that led. It ends with
// its input.

import { createInterface } from "node:readline";

import { launch, person } from "./chromium.mjs";
import { startServer } from "./server.mjs";
import { listen, makeVisitor, register, visit, VISITOR } from "./visitor.mjs";

const [server, browser, app] = await Promise.all([startServer(), launch(), listen()]);
try {
  await makeVisitor(browser, server);
  const { client_id, client_secret } = register(server, app.url);
  const page = await person(browser);
  const told = { issuer: server.url, client_id, client_secret, ...VISITOR };
  console.log(JSON.stringify({ ...told, callback: `${app.url}/callback`, bye: `${app.url}/bye` }));
  for await (const address of createInterface({ input: process.stdin })) {
    console.log(await visit(page, server, address));
  }
} finally {
  await browser.close();
  await Promise.all([server.stop(), app.stop()]);
}
