// `@keyhaven/sdk` from its tarball in an empty project: every operation's programs, and the README.

import { test } from "node:test";

import { everyProgram, hookLines, readmeLines, tokenLines, withFolder } from "./performing.mjs";
import { npmProject, run } from "./projects.mjs";
import { typescriptHooks, typescriptReadme, typescriptTokens } from "./readme.mjs";

test("the npm package does what its pages show", (t) =>
  withFolder(async (folder) => {
    const project = await npmProject(folder, {
      "readme.ts": await typescriptReadme(),
      "tokens.ts": await typescriptTokens(),
      "hooks.ts": await typescriptHooks(),
    });
    const node = (...words) => run(process.execPath, words, { cwd: project });
    await t.test("every operation, with the class client", () =>
      everyProgram(folder, (world) => node("run.mjs", world, "0")));
    await t.test("every operation, with standalone functions", () =>
      everyProgram(folder, (world) => node("run.mjs", world, "1")));
    await t.test("the README", () => readmeLines((...words) => node("readme.js", ...words)));
    await t.test("the page of hooks", () => hookLines((...words) => node("hooks.js", ...words)));
    await t.test("the page of token sources", () => tokenLines((...words) => node("tokens.js", ...words)));
  }));
