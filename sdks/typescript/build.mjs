// Compiles into `dist`: comments only where editors look for them, in the types, and a tab for four
// spaces, because what is installed is weighed (size/table.mjs).

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "dist");

function compile(...words) {
  const tsc = join(here, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", here, ...words], { stdio: "inherit" });
}

rmSync(dist, { recursive: true, force: true });
compile("--declaration", "false", "--removeComments");
compile("--emitDeclarationOnly");
for (const name of readdirSync(dist, { recursive: true })) {
  if (!/\.(js|ts)$/.test(name)) continue;
  const path = join(dist, name);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/^(?: {4})+/gm, (spaces) => "\t".repeat(spaces.length / 4)));
}
