// `keyhaven-sdk` from what `cargo package` makes of it, in an empty project: every operation's programs,
// and the README.

import { test } from "node:test";

import { everyProgram, readmeLines, tokenLines, withFolder } from "./performing.mjs";
import { cargoProject, filesOf, run } from "./projects.mjs";
import { rustReadme, rustTokens } from "./readme.mjs";

test("the crate does what its pages show", (t) =>
  withFolder(async (folder) => {
    const files = {
      ...(await filesOf("examples/rust/src")),
      "bin/readme.rs": await rustReadme(),
      "bin/tokens.rs": await rustTokens(),
    };
    const program = await cargoProject(folder, files);
    await t.test("every operation", () =>
      everyProgram(folder, (world) => run(program("empty-project"), [world])));
    await t.test("the README", () => readmeLines((...words) => run(program("readme"), words)));
    await t.test("the page of token sources", () =>
      tokenLines((...words) => run(program("tokens"), words, { cwd: folder })));
  }));
