// The shared fault server as a process of the test's own.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { control } from "./control.mjs";

export async function startFaults() {
  const program = fileURLToPath(new URL("../../wire/server.mjs", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await new Promise((resolve) =>
    createInterface({ input: child.stdout }).once("line", (line) => resolve([Number(line)])),
  );
  return { ...control(`http://127.0.0.1:${port}`), stop: () => child.stdin.end() };
}
