// What a page runs: every shared case, a few at a time. Gives the names of those that failed, and why.

import { run } from "./cases.mjs";
import { control } from "./control.mjs";

globalThis.runCases = async (cases) => {
  const faults = control(location.origin);
  const waiting = [...cases];
  const wrong = [];
  const worker = async () => {
    for (let given = waiting.shift(); given; given = waiting.shift()) {
      const expect = { ...given.expect, ...given.page };
      await run({ ...given, expect }, faults).catch((error) => wrong.push(`${given.name}: ${error.message}`));
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return wrong;
};
