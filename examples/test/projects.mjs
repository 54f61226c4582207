// Empty projects with the packed SDKs in them: what npm, the module proxy and crates.io would carry.

import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a program; what it printed. All it said is in the error. */
export async function run(program, words, options = {}) {
  try {
    return (await execute(program, words, { maxBuffer: 1 << 26, ...options })).stdout;
  } catch (error) {
    throw new Error(`${program} ${words.join(" ")}: ${error.message}\n${error.stdout}`);
  }
}

/** Lines of JSON. */
export const parsed = (text) => text.trim().split("\n").map((line) => JSON.parse(line));

/** The code blocks of a README in one language, joined. */
export async function readme(path, language) {
  const text = await readFile(join(root, path), "utf8");
  const blocks = text.matchAll(new RegExp("^```" + language + "\\n(.*?)^```$", "gms"));
  const code = [...blocks].map(([, block]) => block).join("\n");
  if (!code) throw new Error(`${path} shows no ${language}`);
  return code;
}

/** An npm project with the tarball installed and `files` in it, compiled. */
export async function npmProject(folder, files) {
  const sdk = join(root, "sdks/typescript");
  await mkdir(folder, { recursive: true });
  const told = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: sdk });
  // A list, or an object by name: it depends on npm's age.
  const [{ filename }] = Object.values(JSON.parse(told.slice(told.search(/^[[{]/m))));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  const words = ["install", "--offline", "--no-audit", "--no-fund", "--silent", `./${filename}`];
  await run("npm", words, { cwd: folder });
  const own = join(root, "examples/typescript");
  for (const name of await readdir(own)) await cp(join(own, name), join(folder, name));
  await write(folder, files);
  await run(process.execPath, [join(sdk, "node_modules/typescript/bin/tsc")], { cwd: folder });
  return folder;
}

/** A Go module that knows the SDK's by a copy of what version control has of it. */
export async function goProject(folder, files) {
  const copy = join(folder, "sdk");
  const listed = await run("git", ["ls-files", "-co", "--exclude-standard", "sdks/go"], { cwd: root });
  for (const name of listed.trim().split("\n")) {
    await cp(join(root, name), join(copy, name.replace("sdks/go/", "")));
  }
  const project = join(folder, "project");
  await write(project, files);
  const edit = (...words) => run("go", ["mod", ...words], { cwd: project });
  await edit("init", "example.test/project");
  const module = "github.com/keyhaven/keyhaven/sdks/go";
  await edit("edit", `-require=${module}@v0.1.0`, `-replace=${module}=${copy}`);
  const env = { ...process.env, GOFLAGS: "-mod=mod", GOPROXY: "off" };
  await run("go", ["build", "-o", "bin/", "./..."], { cwd: project, env });
  return (name) => join(project, "bin", name);
}

async function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** The sources of a folder by name. */
export async function filesOf(path) {
  const all = await readdir(join(root, path), { recursive: true });
  const names = all.filter((name) => /\.(go|rs)$/.test(name));
  const texts = names.map((name) => readFile(join(root, path, name), "utf8"));
  return Object.fromEntries((await Promise.all(texts)).map((text, at) => [names[at], text]));
}

/** A Cargo project that depends on the packed crate, with `files` in `src`; its dependencies are ours. */
export async function cargoProject(folder, files) {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
  const words = ["package", "-p", "keyhaven-sdk", "--no-verify", "--allow-dirty", "--quiet", "--offline"];
  await run("cargo", words, { cwd: root });
  await run("tar", ["-xzf", join(target, "package/keyhaven-sdk-0.1.0.crate"), "-C", folder]);
  const project = join(folder, "project");
  await write(project, { "Cargo.toml": MANIFEST });
  // What is built already is used again.
  await cp(join(root, "Cargo.lock"), join(project, "Cargo.lock"));
  await write(join(project, "src"), files);
  const env = { ...process.env, CARGO_TARGET_DIR: target };
  await run("cargo", ["build", "--offline", "--quiet"], { cwd: project, env });
  return (name) => join(target, "debug", name);
}

const MANIFEST = `[package]
name = "empty-project"
version = "0.0.0"
edition = "2024"

[dependencies]
keyhaven-sdk = { path = "../keyhaven-sdk-0.1.0", features = ["dpop"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["rt-multi-thread", "net", "time", "sync", "signal", "macros", "io-util"] }

[workspace]

[profile.dev]
debug = "line-tables-only"

[profile.dev.package."*"]
opt-level = 1
debug = false
`;
