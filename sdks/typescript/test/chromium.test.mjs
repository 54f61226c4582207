// The shared cases in a page of Chromium, from a bundle as an application would make it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { launch, person } from "../../../tests/browser/chromium.mjs";
import { startFaults } from "./server.mjs";

const cases = JSON.parse(readFileSync(new URL("../../wire/scenarios.json", import.meta.url)));

test("every shared case holds in Chromium", async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("page.mjs", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
  });
  const [faults, browser] = await Promise.all([startFaults(), launch()]);
  try {
    const page = await person(browser);
    await page.goto(`${faults.origin}/page`);
    await page.addScriptTag({ content: outputFiles[0].text });
    const wrong = await page.evaluate((cases) => globalThis.runCases(cases), cases);
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.complaints, []);
  } finally {
    await browser.close();
    faults.stop();
  }
});
