// The samples of all pages, shown by the browser as if the server had answered with them: under its
// origin, with its assets and the headers of its pages.

import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { program } from "./server.mjs";

// Written by the Rust tests of the pages.
const FOLDER = join(dirname(dirname(program())), "tmp", "pages");

/** The names of all samples. */
export async function names() {
  const files = await readdir(FOLDER).catch(() => []);
  const found = files.filter((name) => name.endsWith(".html")).map((name) => name.slice(0, -5));
  if (found.length === 0) throw new Error(`no samples in ${FOLDER}: run the Rust tests first`);
  return found.sort();
}

/** Lets `page` open samples of `server`. */
export async function serveSamples(page, server) {
  const answer = await fetch(`${server.url}/assets/none/none`);
  const headers = Object.fromEntries(answer.headers);
  delete headers["content-length"];
  await page.route(`${server.url}/samples/*`, async (route) => {
    const name = new URL(route.request().url()).pathname.split("/").pop();
    const body = await readFile(join(FOLDER, `${name}.html`), "utf8");
    await route.fulfill({ status: 200, headers, body: staying(body) });
  });
}

/** Two pages leave by themselves; a sample is there to be looked at. */
function staying(html) {
  return html
    .replace('http-equiv="refresh"', 'name="refresh"')
    .replace(/<script[^>]*form_post\.js"><\/script>/, "");
}
