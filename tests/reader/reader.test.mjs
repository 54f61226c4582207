// An outside reader of sdks/openapi.json: what another generator makes of it compiles. It uses the
// compiler's interface that TypeScript 7 no longer has, so it brings its own.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createClient } from "@hey-api/openapi-ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const document = fileURLToPath(new URL("../../sdks/openapi.json", import.meta.url));

const compilerOptions = {
  target: "ES2022",
  module: "ESNext",
  moduleResolution: "bundler",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  types: [],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
};

test("another generator reads the document, and what it writes compiles", async () => {
  const folder = await mkdtemp(join(tmpdir(), "keyhaven-reader-"));
  const output = join(folder, "client");
  const plugins = ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"];
  await createClient({ input: document, output, plugins, logs: { level: "silent" } });
  const { paths } = JSON.parse(await readFile(document, "utf8"));
  const ids = Object.values(paths)
    .flatMap((item) => Object.values(item).map(({ operationId }) => operationId))
    .filter(Boolean);
  const text = (await readFile(join(output, "sdk.gen.ts"), "utf8")).toLowerCase();
  for (const id of ids) assert.ok(text.includes(`const ${id.replaceAll("_", "")} =`), id);
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["client"] }));
  await symlink(join(here, "node_modules"), join(folder, "node_modules"));
  const compiler = join(here, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [compiler], { cwd: folder, stdio: "pipe" });
  await rm(folder, { recursive: true });
});
