// The fake provider as a program of the suite's own. It asks on a page, and does what it is told.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

function program() {
  const found = process.env.KEYHAVEN_FAKE_PROVIDER;
  if (!found) throw new Error("KEYHAVEN_FAKE_PROVIDER names no program: run `cargo xtask test`");
  return found;
}

/** Starts one on a free port. */
export async function startProvider() {
  const child = spawn(program(), ["127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: url } = await lines.next();
  if (!url?.startsWith("http://")) throw new Error("the fake provider did not say where it is");
  return {
    url,
    /** Changes its ways; how often each endpoint was asked. */
    control: async (orders = {}) => {
      const answer = await fetch(`${url}/control`, { method: "POST", body: JSON.stringify(orders) });
      if (!answer.ok) throw new Error(await answer.text());
      return answer.json();
    },
    /** As an organization defines it under `key`. */
    definition: (key) => ({
      key,
      name: "Fake provider",
      facts: { urls: "own" },
      authorize: { url: `${url}/authorize` },
      callback: { iss: url },
      token: { url: `${url}/token`, auth: "basic" },
      reply: { expires: [{ at: "/expires_in" }] },
      refresh: { kind: "rotating" },
      revoke: { url: `${url}/revoke` },
      account: { url: `${url}/userinfo`, id: "/sub", label: "/email" },
      api: { base: `${url}/api/` },
    }),
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
