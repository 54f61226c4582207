// Builds the dashboard as somebody would who installed the SDK: from the tarball that npm would carry.

import { execFile } from "node:child_process";
import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = fileURLToPath(new URL("..", import.meta.url));
const sdk = fileURLToPath(new URL("../../../sdks/typescript/", import.meta.url));
const SOURCES = ["index.html", "package.json", "public", "src", "tsconfig.json", "vite.config.ts"];

/** Compiles and bundles in `folder`, for the Keyhaven at `url`; the folder of the pages. */
export async function build(folder, url) {
  const project = join(folder, "project");
  const modules = join(project, "node_modules");
  await mkdir(join(modules, "@keyhaven/sdk"), { recursive: true });
  for (const name of SOURCES) await cp(join(here, name), join(project, name), { recursive: true });
  for (const name of await readdir(join(here, "node_modules"))) {
    if (name !== "@keyhaven") await symlink(join(here, "node_modules", name), join(modules, name));
  }
  await unpack(join(modules, "@keyhaven/sdk"), folder);
  const env = { ...process.env, VITE_KEYHAVEN_URL: url };
  const program = (name) => run(process.execPath, [join(here, "node_modules", name)], { cwd: project, env });
  await program("typescript/bin/tsc");
  await run(process.execPath, [join(here, "node_modules/vite/bin/vite.js"), "build"], { cwd: project, env });
  return join(project, "dist");
}

/** Unpacks the SDK's tarball into `to`. */
async function unpack(to, folder) {
  const words = ["pack", "--json", "--pack-destination", folder];
  const { stdout } = await run("npm", words, { cwd: sdk });
  // A list, or an object by name: it depends on npm's age.
  const [{ filename }] = Object.values(JSON.parse(stdout.slice(stdout.search(/^[[{]/m))));
  await run("tar", ["-xzf", join(folder, filename), "-C", to, "--strip-components=1"]);
}
