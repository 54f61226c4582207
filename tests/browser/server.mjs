// A server of the suite's own: the built program on a fresh data directory and a free port.

import { spawn, execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const GREETING = /http:\/\/localhost:(\d+)/;
const WELCOME = /\/welcome#(\S+)/;
const LAST_LINE = /curl -u kh_client_/;

/** The program under test. */
export function program() {
  const found = process.env.KEYHAVEN_BIN;
  if (!found) throw new Error("KEYHAVEN_BIN names no program: run `cargo xtask test`");
  return found;
}

/** Starts a server with `settings` (environment variables). `stop` ends it and its data. */
export async function startServer(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), "keyhaven-browser-"));
  const data = join(folder, "data");
  const words = ["--data", data, "serve", "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"];
  const env = { ...withoutOurs(process.env), ...settings };
  const child = spawn(program(), words, { env, stdio: ["ignore", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (text) => (complaints += text));
  const ended = new Promise((resolve) => child.once("close", resolve));
  const greeting = await readGreeting(child, () => complaints);
  return {
    ...greeting,
    url: `http://localhost:${greeting.port}`,
    data,
    log: () => complaints,
    /** The command line beside the server; its answer as JSON. */
    cli: (...more) => JSON.parse(execFileSync(program(), ["--data", data, ...more, "--json"], { env })),
    /** The messages it sent, oldest first. */
    mail: () => outbox(join(data, "outbox")),
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function outbox(folder) {
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.sort().map((name) => readFile(join(folder, name), "utf8")));
}

/** What the suite is told by `KEYHAVEN_…` variables would be settings to the server. */
function withoutOurs(environment) {
  const others = Object.entries(environment).filter(([name]) => !name.startsWith("KEYHAVEN_"));
  return Object.fromEntries(others);
}

async function readGreeting(child, complaints) {
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    found.port ??= GREETING.exec(line)?.[1];
    found.welcome ??= WELCOME.exec(line)?.[1];
    if (found.port && LAST_LINE.test(line)) {
      // Whatever it prints from here on is not ours to read, but must not fill the pipe.
      child.stdout.resume();
      return { port: Number(found.port), welcome: found.welcome };
    }
  }
  throw new Error(`the server ended before its first lines: ${complaints()}`);
}
