// A server of the suite's own: the built program on a fresh data directory and a free port, with a
// client of the family's scopes registered by the command line beside it.

import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const GREETING = /http:\/\/localhost:(\d+)/;
const FIRST_TOKEN = /curl -u kh_client_/;

/** What the client may ask for, as the family writes it. */
export const SCOPE = "/accounts.read /ping.read";

/**
 * Starts a server with `settings` (environment variables) and a client with access tokens of
 * `format`. `stop` ends it and its data.
 */
export async function startServer({ settings = {}, format = "jwt" } = {}) {
  const program = process.env.KEYHAVEN_BIN;
  if (!program) throw new Error("KEYHAVEN_BIN names no program: run `cargo xtask test`");
  const folder = await mkdtemp(join(tmpdir(), "keyhaven-clients-"));
  const instance = ["--data", join(folder, "data")];
  const words = ["serve", "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"];
  const env = { ...withoutOurs(process.env), ...settings };
  const stdio = ["ignore", "pipe", "pipe"];
  const child = spawn(program, [...instance, ...words], { env, stdio });
  let complaints = "";
  child.stderr.on("data", (text) => (complaints += text));
  const ended = new Promise((resolve) => child.once("close", resolve));
  const port = await readPort(child, () => complaints);
  const command = (...words) =>
    JSON.parse(execFileSync(program, [...instance, ...words, "--json"], { env }));
  const client = command(...REGISTER, "--token-format", format);
  return {
    /** Runs the command line beside the server; what it prints. */
    command,
    port,
    url: `http://127.0.0.1:${port}`,
    // For commands beside it.
    instance,
    env,
    id: client.client_id,
    secret: client.client_secret,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

const REGISTER = ["client", "create", "--org", "default", "--name", "Clients"];
REGISTER.push("--grant", "client_credentials", "--grant", "refresh_token");
REGISTER.push(...SCOPE.split(" ").flatMap((scope) => ["--scope", scope]));

/** What the suite is told by `KEYHAVEN_…` variables would be settings to the server. */
function withoutOurs(environment) {
  const others = Object.entries(environment).filter(([name]) => !name.startsWith("KEYHAVEN_"));
  return Object.fromEntries(others);
}

async function readPort(child, complaints) {
  let port;
  for await (const line of createInterface({ input: child.stdout })) {
    port ??= GREETING.exec(line)?.[1];
    if (port && FIRST_TOKEN.test(line)) {
      // Whatever it prints from here on is not ours to read, but must not fill the pipe.
      child.stdout.resume();
      return Number(port);
    }
  }
  throw new Error(`the server ended before its first line: ${complaints()}`);
}
