// The shared cases of sdks/wire, through the standalone functions.

import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { run } from "./cases.mjs";
import { startFaults } from "./server.mjs";

const cases = JSON.parse(readFileSync(new URL("../../wire/scenarios.json", import.meta.url)));

let faults;
before(async () => (faults = await startFaults()));
after(() => faults.stop());

describe("shared cases", { concurrency: 8 }, () => {
  for (const given of cases) test(given.name, () => run(given, faults));
});
