// What we weigh, beside the goals: bundles by esbuild, es2022, for browsers, minified, gzip -9, and
// the package as installed. With `--peers` also packages that npm carries, installed into a folder
// that is thrown away.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../dist/", import.meta.url));
const from = (names, file) => `import { ${names} } from ${JSON.stringify(root + file)};`;
const bundle = (parts) =>
  parts.map(([names, file]) => `${from(names, file)} (globalThis.used ??= []).push(${names});`).join("\n");
const CORE = ["ClientCore", "standalone.js"];
const func = (name) => [name, `funcs/${name}.js`];

/** Everything that one query's file exports. */
const HOOKS =
  "buildTokenGroupsQuery, invalidateAllTokenGroups, invalidateTokenGroups, prefetchTokenGroups, " +
  "queryKeyTokenGroups, setTokenGroupsData, useTokenGroups, useTokenGroupsSuspense";
const TEN = [
  "clientsCreateClient", "clientsShowClient", "clientsDeleteClient", "clientsUpdateClient", "grantsShowGrant",
  "grantsRevokeGrant", "usersShowUser", "usersCreateUser", "projectsShowProject", "projectsCreateProject",
].map(func);

const BUNDLES = {
  one: [CORE, func("checkCheckCredential")],
  eleven: [CORE, func("checkCheckCredential"), ...TEN],
  bearer: [CORE, func("signingKeysListSigningKeys")],
  hooks: [CORE, [HOOKS, "react-query/oauthFetchTokenGroups.js"]],
  credentials: [CORE, func("signingKeysListSigningKeys"), ["clientCredentials", "tokens/clientCredentials.js"]],
  signIn: [
    ["discover, startSignIn, finishSignIn, signInOnLoopback", "tokens/authorizationCode.js"],
    ["refreshToken", "tokens/refreshToken.js"],
  ],
  all: [["Client", "index.js"]],
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

/** Bytes of the package as npm would unpack it. */
function installed() {
  const words = ["pack", "--json", "--dry-run", "--ignore-scripts"];
  const told = JSON.parse(execFileSync("npm", words, { cwd: join(root, ".."), maxBuffer: 1 << 26 }));
  return Object.values(told)[0].unpackedSize;
}

/** Rows of name, bytes, and the goal in bytes if there is one. */
export async function sizes() {
  const weighing = Object.entries(BUNDLES).map(async ([name, parts]) => [name, await weigh(bundle(parts), root)]);
  const { one, eleven, bearer, hooks, credentials, signIn, all } = Object.fromEntries(await Promise.all(weighing));
  return [
    ["core + one function", one, 3000],
    ["core + one function with a bearer token", bearer],
    ["each further function, of ten", Math.round((eleven - one) / 10), 150],
    ["core + one query's hooks", hooks, 3600],
    ["+ client credentials with single flight", credentials - bearer, 700],
    ["sign-in helper, with refresh", signIn, 5500],
    ["class client, all operations", all, 20_000],
    ["installed, no dependencies", installed(), 1_000_000],
  ];
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

export const line = ([name, bytes, goal]) =>
  `${name.padEnd(42)} ${kB(bytes)}${goal ? ` of ${kB(goal)}${bytes > goal ? "  missed" : ""}` : ""}`;
const kB = (bytes) => `${(bytes / 1000).toFixed(2).padStart(7)} kB`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const theirs = process.argv.includes("--peers") ? Object.entries(await peers()) : [];
  for (const each of [...(await sizes()), ...theirs]) console.log(line(each));
}
