// A server of the suite's own: the built program on a fresh data directory and a free port.

import { spawn, execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const GREETING = /http:\/\/(localhost|127\.0\.0\.1):(\d+)/;
const WELCOME = /\/welcome#(\S+)/;
const LAST_LINE = /curl -u kh_client_/;

/** The program under test. */
export function program() {
  const found = process.env.KEYHAVEN_BIN;
  if (!found) throw new Error("KEYHAVEN_BIN names no program: run `cargo xtask test`");
  return found;
}

/** A port nobody uses now, for a server whose issuer must be said before it starts. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a server with `settings` (environment variables). `stop` ends it and its data. */
export async function startServer(settings = {}, { listen = "127.0.0.1:0" } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "keyhaven-browser-"));
  const data = join(folder, "data");
  const words = ["--data", data, "serve", "--listen", listen, "--operator-listen", "127.0.0.1:0"];
  const env = { ...withoutOurs(process.env), ...settings };
  const child = spawn(program(), words, { env, stdio: ["ignore", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (text) => (complaints += text));
  const ended = new Promise((resolve) => child.once("close", resolve));
  const greeting = await readGreeting(child, () => complaints);
  return {
    ...greeting,
    url: `http://${greeting.host}:${greeting.port}`,
    data,
    log: () => complaints,
    /** The command line beside the server; its answer as JSON. A last object is how it is run. */
    cli: (...more) => {
      const how = typeof more.at(-1) === "object" ? more.pop() : {};
      return JSON.parse(execFileSync(program(), ["--data", data, ...more, "--json"], { env, ...how }));
    },
    /** The newest letter to an address whose text matches, once it has been written. */
    letter: (to, text) => letter(join(data, "outbox"), to, text),
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

const PATIENCE = 20_000;

/** Letters are sent by a job, so the answer to a form is no sign that one is there. */
async function letter(folder, to, text) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(50)) {
    const names = await readdir(folder).catch(() => []);
    const written = names.filter((name) => !name.startsWith(".")).sort().reverse();
    const letters = await Promise.all(written.map((name) => readFile(join(folder, name), "utf8")));
    const found = letters.map(plain).find((one) => one.includes(to) && text.test(one));
    if (found) return found;
  }
  throw new Error(`no letter to ${to} about ${text}`);
}

/** The text as it was before it was made fit for mail (RFC 2045 §6.7). */
function plain(mail) {
  const whole = mail.replaceAll(/=\r?\n/g, "");
  return whole.replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

/** What the suite is told by `KEYHAVEN_…` variables would be settings to the server. */
function withoutOurs(environment) {
  const others = Object.entries(environment).filter(([name]) => !name.startsWith("KEYHAVEN_"));
  return Object.fromEntries(others);
}

async function readGreeting(child, complaints) {
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, host, port] = GREETING.exec(line) ?? [];
    found.host ??= host;
    found.port ??= port;
    found.welcome ??= WELCOME.exec(line)?.[1];
    if (found.port && LAST_LINE.test(line)) {
      // Whatever it prints from here on is not ours to read, but must not fill the pipe.
      child.stdout.resume();
      return { host: found.host, port: Number(found.port), welcome: found.welcome };
    }
  }
  throw new Error(`the server ended before its first lines: ${complaints()}`);
}
