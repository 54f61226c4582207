// The Go module from a copy of what version control has of it, in an empty project: every operation's
// programs, and the README.

import { test } from "node:test";

import { everyProgram, readmeLines, tokenLines, withFolder } from "./performing.mjs";
import { filesOf, goProject, run } from "./projects.mjs";
import { goReadme, goTokens } from "./readme.mjs";

test("the Go module does what its pages show", (t) =>
  withFolder(async (folder) => {
    const files = { ...(await filesOf("examples/go")), "readme/main.go": await goReadme(), "tokens/main.go": await goTokens() };
    const program = await goProject(folder, files);
    await t.test("every operation", () =>
      everyProgram(folder, (world) => run(program("project"), [world])));
    await t.test("the README", () => readmeLines((...words) => run(program("readme"), words)));
    await t.test("the page of token sources", () =>
      tokenLines((...words) => run(program("tokens"), words, { cwd: folder })));
  }));
