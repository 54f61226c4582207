// What bundles weigh: none grows unnoticed. README.md says which goals are met.

import assert from "node:assert/strict";
import { test } from "node:test";
import { line, sizes } from "../size/table.mjs";

const MOST = {
  "core + one function": 4200,
  "core + eleven functions": 4200 + 10 * 150,
  "core + one query's hooks": 4900,
  "core + one function + client credentials": 5300,
  "sign-in helper": 5500,
  "class client, all operations": 20_000,
};

test("bundles stay within their sizes", async (t) => {
  const ours = await sizes();
  for (const each of Object.entries(ours)) t.diagnostic(line(each));
  const over = Object.entries(ours).filter(([name, bytes]) => !(bytes <= MOST[name]));
  assert.deepEqual(over, []);
});
