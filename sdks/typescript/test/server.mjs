// The shared fault server as a process of the test's own.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export async function startFaults() {
  const program = fileURLToPath(new URL("../../wire/server.mjs", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await new Promise((resolve) =>
    createInterface({ input: child.stdout }).once("line", (line) => resolve([Number(line)])),
  );
  const origin = `http://127.0.0.1:${port}`;
  let count = 0;
  return {
    origin,
    /** Says what to answer; gives the base URL of the case and what came to it. */
    async tell(responses) {
      const name = `c${++count}`;
      await fetch(`${origin}/control/${name}`, { method: "PUT", body: JSON.stringify(responses) });
      const came = async () => (await fetch(`${origin}/control/${name}`)).json();
      return { url: `${origin}/s/${name}`, came };
    },
    stop: () => child.stdin.end(),
  };
}
