// The package as npm would carry it: its types in both compilers, its exports, its file names.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (name) => join(root, "node_modules/.bin", name);
let folder;
let tarball;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "keyhaven-pack-"));
  const words = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const { stdout } = await run("npm", words, { cwd: root });
  const told = JSON.parse(stdout);
  tarball = join(folder, Object.values(told)[0].filename);
});
after(() => rm(folder, { recursive: true }));

test("TypeScript 5.9 compiles the sources, too", () =>
  run(process.execPath, [join(root, "node_modules/typescript-5/bin/tsc"), "-p", root, "--noEmit"]));

test("publint has nothing to say", async () => {
  const { stdout } = await run(bin("publint"), ["run", tarball, "--strict"], { cwd: root });
  assert.match(stdout, /All good/);
});

test("attw finds every entry's types", () =>
  run(bin("attw"), [tarball, "--profile", "esm-only", "--no-emoji", "--no-color"], { cwd: root }));

test("installed into an empty project, every kind of import resolves, and strict types hold", async () => {
  const project = join(folder, "project");
  await mkdir(join(project, "node_modules/@keyhaven/sdk"), { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", join(project, "node_modules/@keyhaven/sdk"), "--strip-components=1"]);
  await writeFile(join(project, "package.json"), '{"type":"module"}');
  await writeFile(
    join(project, "use.ts"),
    `import { Client } from "@keyhaven/sdk";
import { ClientCore } from "@keyhaven/sdk/core.js";
import { authenticationCreateAuthToken } from "@keyhaven/sdk/funcs/authenticationCreateAuthToken.js";
import { GenericError } from "@keyhaven/sdk/models/errors.js";
import { unwrap } from "@keyhaven/sdk/types.js";
import { clientCredentials } from "@keyhaven/sdk/tokens/clientCredentials.js";
import { verifier } from "@keyhaven/sdk/server/verify.js";
const core = new ClientCore({ serverURL: "http://127.0.0.1:9", security: { username: "a", password: "b" } });
const result = await authenticationCreateAuthToken(core, {
  authTokenRequest: { grantType: "client_credentials", scope: "x" },
});
if (!result.ok) {
  const known: string = result.error.name;
  if (GenericError.is(result.error)) { const code: string = result.error.error; code.trim(); }
  console.log(known);
} else {
  const token: string = unwrap(result).accessToken;
  token.trim();
}
new Client({ tokenSource: clientCredentials({ serverURL: "", clientId: "" }) });
verifier({ issuer: "", audience: "" });
`,
  );
  const options = ["--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2023,dom"];
  const js = ["--types", "", ...options, "use.ts"];
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...js], { cwd: project });
  const { stdout } = await run(process.execPath, ["use.js"], { cwd: project });
  assert.equal(stdout.trim(), "ConnectionError");
});

test("a standalone function runs where there is no process, no Buffer and no window", async () => {
  const bundle = join(folder, "bundle.js");
  const entry = `import { ClientCore } from "@keyhaven/sdk/core.js";
import { checkCheckCredential } from "@keyhaven/sdk/funcs/checkCheckCredential.js";
globalThis.run = () => checkCheckCredential(new ClientCore({ serverURL: "https://x.example", fetch: async () =>
  new Response('{"active":true,"client_id":"c"}', { headers: { "content-type": "application/json" } }) }), { credential: "t" });`;
  await writeFile(join(root, "dist/.entry.mjs"), entry);
  const words = ["dist/.entry.mjs", "--bundle", "--format=iife", "--platform=neutral", `--outfile=${bundle}`];
  await run(bin("esbuild"), words, { cwd: root });
  await rm(join(root, "dist/.entry.mjs"));
  const { createContext, runInContext } = await import("node:vm");
  const given = { Request, Response, Headers, URL, URLSearchParams, AbortController, crypto, setTimeout, clearTimeout };
  const context = createContext({ ...given });
  runInContext(await readFile(bundle, "utf8"), context);
  const result = await context.run();
  assert.equal(result.value.clientId, "c");
});

test("what the pages import is exported under that name", async () => {
  const pages = new URL("../../../docs/sdks/", import.meta.url);
  let count = 0;
  for (const page of await readdir(pages)) {
    const text = await readFile(new URL(page, pages), "utf8");
    for (const [, names, from] of text.matchAll(/^import \{([^}]*)\} from "(@keyhaven\/[^"]+)"/gm)) {
      const module = await import(from);
      for (const name of names.split(",").map((name) => name.trim()).filter(Boolean)) {
        assert.ok(name in module, `${page}: ${from} has no ${name}`);
        count++;
      }
    }
  }
  assert.ok(count > 500, `${count} names`);
});

test("links of the pages lead somewhere", async () => {
  const pages = new URL("../../../docs/sdks/", import.meta.url);
  const anchors = async (page) => {
    const text = await readFile(new URL(page, pages), "utf8");
    return new Set([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title.toLowerCase()));
  };
  const known = new Map();
  for (const page of await readdir(pages)) known.set(page, await anchors(page));
  for (const page of known.keys()) {
    const text = await readFile(new URL(page, pages), "utf8");
    for (const [, link] of text.matchAll(/\]\(([^)]+)\)/g)) {
      const [to, anchor] = link.split("#");
      if (link.includes(":")) continue;
      if (anchor) assert.ok(known.get(to || page)?.has(anchor), `${page}: ${link}`);
      else await readFile(new URL(to, pages));
    }
  }
});

test("a function's file is called like the function", async () => {
  for (const file of await readdir(join(root, "dist/funcs"))) {
    if (!file.endsWith(".js")) continue;
    const module = await import(join(root, "dist/funcs", file));
    assert.ok(file.replace(".js", "") in module, file);
  }
});
