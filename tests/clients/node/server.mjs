// A server of the suite's own: the built program on a fresh data directory and a free port.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const GREETING = /http:\/\/localhost:(\d+)/;
const FIRST_TOKEN = /curl -u (kh_client_\w+):(kh_secret_\w+) /;

/** Starts a server; `settings` are environment variables. `stop` ends it and its data. */
export async function startServer(settings = {}) {
  const program = process.env.KEYHAVEN_BIN;
  if (!program) throw new Error("KEYHAVEN_BIN names no program: run `cargo xtask test`");
  const folder = await mkdtemp(join(tmpdir(), "keyhaven-clients-"));
  const words = ["--data", join(folder, "data"), "serve"];
  words.push("--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0");
  const env = { ...withoutOurs(process.env), ...settings };
  const child = spawn(program, words, { env, stdio: ["ignore", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (text) => (complaints += text));
  const ended = new Promise((resolve) => child.once("close", resolve));
  const greeting = await readGreeting(child, () => complaints);
  return {
    ...greeting,
    url: `http://127.0.0.1:${greeting.port}`,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/** What the suite is told by `KEYHAVEN_…` variables would be settings to the server. */
function withoutOurs(environment) {
  const others = Object.entries(environment).filter(([name]) => !name.startsWith("KEYHAVEN_"));
  return Object.fromEntries(others);
}

async function readGreeting(child, complaints) {
  let port;
  for await (const line of createInterface({ input: child.stdout })) {
    port ??= GREETING.exec(line)?.[1];
    const client = FIRST_TOKEN.exec(line);
    if (port && client) {
      // Whatever it prints from here on is not ours to read, but must not fill the pipe.
      child.stdout.resume();
      return { port: Number(port), id: client[1], secret: client[2] };
    }
  }
  throw new Error(`the server ended before its first line: ${complaints()}`);
}
