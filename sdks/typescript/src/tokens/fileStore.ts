// Tokens of a command line, in a file that only its owner reads. Programs that share it ask for a
// token one at a time.

import type { Token } from "../runtime/options.js";
import { tokenStore, type Keeper } from "./store.js";

/** A lock that is older was left behind: no request for a token takes so long. */
const STALE_MS = 60_000;
const WAIT_MS = 20;

/** What of node:fs/promises is used. Node alone has it, so that browsers must not look for it. */
interface Files {
  readFile(path: string, encoding: "utf8"): Promise<string>;
  writeFile(path: string, text: string, options: { mode: number; flag?: string }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  stat(path: string): Promise<{ mtimeMs: number }>;
}

/** Keeps tokens in the file at `path` (mode 0600), which is replaced as a whole. */
export function fileStore(path: string): Keeper {
  const name = "node:fs/promises";
  const files = () => import(/* @vite-ignore */ name) as Promise<Files>;
  const read = async (): Promise<Record<string, Token>> => {
    const { readFile } = await files();
    const text = await readFile(path, "utf8").catch(unless("ENOENT"));
    return text ? (JSON.parse(text) as Record<string, Token>) : {};
  };
  const change = (edit: (tokens: Record<string, Token>) => void) =>
    alone(path + ".lock", async ({ writeFile, rename }) => {
      const tokens = await read();
      edit(tokens);
      const fresh = `${path}.${crypto.randomUUID()}`;
      await writeFile(fresh, JSON.stringify(tokens), { mode: 0o600 });
      await rename(fresh, path);
    });
  async function alone<T>(lock: string, work: (files: Files) => Promise<T>): Promise<T> {
    const own = await files();
    while (!(await take(own, lock))) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    try {
      return await work(own);
    } finally {
      await own.unlink(lock).catch(unless("ENOENT"));
    }
  }
  return tokenStore({
    get: async (key) => (await read())[key],
    set: (key, token) => change((tokens) => void (tokens[key] = token)),
    delete: (key) => change((tokens) => void delete tokens[key]),
    withLock: (key, work) => alone(`${path}.${encodeURIComponent(key)}.lock`, work),
  });
}

/** Makes the lock file; not while somebody else's is there. */
async function take({ writeFile, stat, unlink }: Files, lock: string): Promise<boolean> {
  try {
    await writeFile(lock, "", { mode: 0o600, flag: "wx" });
    return true;
  } catch (error) {
    unless("EEXIST")(error);
    const left = await stat(lock).catch(unless("ENOENT"));
    if (left && Date.now() - left.mtimeMs > STALE_MS) await unlink(lock).catch(unless("ENOENT"));
    return false;
  }
}

/** Ignores one kind of error. */
function unless(code: string): (error: unknown) => undefined {
  return (error) => {
    if ((error as { code?: string }).code !== code) throw error;
    return undefined;
  };
}
