// What we weigh: no more than the goals, which are counts and hold on every machine.

import assert from "node:assert/strict";
import { test } from "node:test";
import { line, sizes } from "../size/table.mjs";

test("bundles and the package stay within their goals", async (t) => {
  const rows = await sizes();
  for (const row of rows) t.diagnostic(line(row));
  assert.deepEqual(rows.filter(([, bytes, goal]) => bytes > goal), []);
  assert.ok(rows.every(([, bytes]) => bytes > 0));
});
