// What is done with the packed SDKs in empty projects, in each language the same.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startServer } from "../../tests/clients/node/server.mjs";
import { operations, REFUSED, SUCCEEDING } from "./operations.mjs";
import { parsed } from "./projects.mjs";
import { startWorld } from "./world.mjs";

/** Does `work` with a folder that is gone afterwards. */
export async function withFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), "keyhaven-examples-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Every operation's program on a fresh world: what is known to go well did, what cannot was refused as
 * expected, and the rest was at worst refused in a way that the document has.
 */
export async function everyProgram(folder, perform) {
  const all = operations();
  const world = await startWorld(all);
  const file = join(folder, "world.json");
  const { serverURL, steps } = world;
  try {
    await writeFile(file, JSON.stringify({ serverURL, steps }));
    const lines = parsed(await perform(file));
    assert.deepEqual(lines.map(({ id }) => id), all.map(({ id }) => id));
    const isExpected = ({ id, ok, error, status }, at) => {
      if (ok) return true;
      if (SUCCEEDING.has(id)) return false;
      if (REFUSED[id]) return REFUSED[id] === error;
      return error !== "APIError" && all[at].statuses.includes(String(status));
    };
    assert.deepEqual(lines.filter((line, at) => !isExpected(line, at)), []);
    await hidesSecrets(`${file}.log`, steps);
  } finally {
    await world.stop();
  }
}

/** The text of any credential of ours, and of any signed token. */
const SECRET = /kh_(access|code|key|refresh|secret|session|ticket)_\w{8,}|eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{8,}/g;

/** What a debug log shows has nothing in it that the programs sent or got in secret. */
async function hidesSecrets(log, steps) {
  const text = await readFile(log, "utf8");
  await rm(log);
  assert.ok(text.length > 10_000, "a log of everything");
  const used = steps.flatMap(({ security }) => [security.bearer, security.password]).filter(Boolean);
  const shown = [...used.filter((secret) => text.includes(secret)), ...(text.match(SECRET) ?? [])];
  assert.deepEqual([...new Set(shown)], []);
}

/** The lines of the page of hooks: a log without secrets, and a span with its status. */
export async function hookLines(perform) {
  const server = await startServer();
  try {
    server.command("org", "create", "--name", "Acme", "--slug", "acme");
    const client = server.command("client", "create", "--name", "Hooks", "--scope", "keyhaven:admin");
    const told = await perform(server.url, client.client_id, client.client_secret);
    assert.match(told, /→ show_organization #1 GET[^]*Acme[^]*status_code 200\nspan list_signing_keys ended/);
    assert.deepEqual(told.match(SECRET), null);
  } finally {
    await server.stop();
  }
}

/** The lines of the page of token sources: an organization's name, and how a bound token is called. */
export async function tokenLines(perform) {
  const server = await startServer();
  try {
    server.command("org", "create", "--name", "Acme", "--slug", "acme");
    const client = server.command("client", "create", "--name", "Tokens", "--scope", "keyhaven:admin");
    // Proofs name the issuer, which is called localhost.
    const url = `http://localhost:${server.port}`;
    assert.match(await perform(url, client.client_id, client.client_secret), /Acme[^]*DPoP/);
  } finally {
    await server.stop();
  }
}

/** The README's lines against a server with an organization `acme`. */
export async function readmeLines(perform) {
  const server = await startServer();
  try {
    server.command("org", "create", "--name", "Acme", "--slug", "acme");
    const client = server.command("client", "create", "--name", "README", "--scope", "keyhaven:admin");
    assert.match(await perform(server.url, client.client_id, client.client_secret), /acme/i);
  } finally {
    await server.stop();
  }
}
