// What bundles weigh: esbuild, es2022, for browsers, minified, gzip -9. With `--peers` also packages
// that npm carries, installed into a folder that is thrown away.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../dist/", import.meta.url));
const sdk = (file) => JSON.stringify(root + file);
const core = `import { ClientCore } from ${sdk("standalone.js")};`;
const one = `${core} import { checkCheckCredential } from ${sdk("funcs/checkCheckCredential.js")};`;
const use = "globalThis.used = [ClientCore, checkCheckCredential";

const OURS = {
  "core + one function": `${one} ${use}];`,
  "core + eleven functions": `${one} ${[
    "clientsCreateClient", "clientsShowClient", "clientsDeleteClient", "clientsUpdateClient", "grantsShowGrant",
    "grantsRevokeGrant", "usersShowUser", "usersCreateUser", "projectsShowProject", "projectsCreateProject",
  ].map((name) => `import { ${name} } from ${sdk(`funcs/${name}.js`)}; (globalThis.more ??= []).push(${name});`).join(" ")} ${use}];`,
  "core + one query's hooks": `${core} import * as hooks from ${sdk("react-query/oauthFetchTokenGroups.js")}; globalThis.used = [ClientCore, hooks];`,
  "core + one function + client credentials": `${one} import { clientCredentials } from ${sdk("tokens/clientCredentials.js")}; ${use}, clientCredentials];`,
  "sign-in helper": `import * as helper from ${sdk("tokens/authorizationCode.js")}; import { refreshToken } from ${sdk("tokens/refreshToken.js")}; globalThis.used = [helper, refreshToken];`,
  "class client, all operations": `import { Client } from ${sdk("index.js")}; globalThis.used = Client;`,
};

const PEERS = {
  "openapi-fetch": 'import make from "openapi-fetch"; globalThis.used = make;',
  oauth4webapi: 'import * as all from "oauth4webapi"; globalThis.used = [all.clientCredentialsGrantRequest, all.processClientCredentialsResponse, all.discoveryRequest, all.processDiscoveryResponse];',
  "openid-client": 'import * as all from "openid-client"; globalThis.used = [all.discovery, all.authorizationCodeGrant, all.refreshTokenGrant, all.buildAuthorizationUrl];',
  "oidc-client-ts": 'import { UserManager } from "oidc-client-ts"; globalThis.used = UserManager;',
};

async function weigh(contents, resolveDir) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    external: ["react", "@tanstack/react-query"],
    logLevel: "error",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

/** What each of our bundles weighs, in bytes, by its name. */
export async function sizes() {
  const all = Object.entries(OURS).map(async ([name, contents]) => [name, await weigh(contents, root)]);
  return Object.fromEntries(await Promise.all(all));
}

async function peers() {
  const folder = mkdtempSync(join(tmpdir(), "keyhaven-size-"));
  writeFileSync(join(folder, "package.json"), "{}");
  const words = ["install", "--no-audit", "--no-fund", "--silent", ...Object.keys(PEERS)];
  execFileSync("npm", words, { cwd: folder });
  const found = {};
  for (const [name, contents] of Object.entries(PEERS)) found[name] = await weigh(contents, folder);
  rmSync(folder, { recursive: true });
  return found;
}

export const line = ([name, bytes]) => `${name.padEnd(42)} ${(bytes / 1000).toFixed(2).padStart(7)} kB`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const ours = await sizes();
  const theirs = process.argv.includes("--peers") ? await peers() : {};
  for (const each of [...Object.entries(ours), ...Object.entries(theirs)]) console.log(line(each));
}
