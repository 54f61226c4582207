// Every page's samples in a browser: nothing bars the way for anyone, nothing is cut off, nothing
// breaks the policy, and what has the focus shows it.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { barriers } from "./barriers.mjs";
import { launch, person, SIZES } from "./chromium.mjs";
import { names, serveSamples } from "./samples.mjs";
import { startServer } from "./server.mjs";

describe("every page", async () => {
  let server, browser, bright, dark, narrow;
  before(async () => {
    [server, browser] = await Promise.all([startServer(), launch()]);
    bright = await tab({ viewport: SIZES.desktop, colorScheme: "light" });
    dark = await tab({ viewport: SIZES.phone, colorScheme: "dark" });
    narrow = await tab({ viewport: { width: 320, height: 640 }, javaScriptEnabled: false });
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  async function tab(options) {
    const page = await person(browser, options);
    await serveSamples(page, server);
    return page;
  }

  const open = (page, name) => page.goto(`${server.url}/samples/${name}`);

  for (const name of await names()) {
    it(`${name} has no barrier and keeps the policy`, async () => {
      for (const page of [bright, dark]) {
        await open(page, name);
        assert.deepEqual(await barriers(page), []);
        assert.deepEqual(page.complaints.splice(0), []);
      }
    });

    it(`${name} fits 320 pixels and reads without JavaScript`, async () => {
      await open(narrow, name);
      const wide = await narrow.locator("html").evaluate((html) => html.scrollWidth);
      assert.equal(wide, 320, "it scrolls sideways");
      assert.equal(await narrow.locator("h1").count(), 1);
    });

    it(`${name} shows where the focus is, and every target can be hit`, async () => {
      await open(bright, name);
      const seen = new Set();
      for (let step = 0; step < 60; step += 1) {
        await bright.keyboard.press("Tab");
        const at = await bright.evaluate(focused);
        if (!at || seen.has(at.path)) break;
        seen.add(at.path);
        assert.ok(at.outlined, `no focus ring on ${at.path}`);
        assert.ok(at.inline || at.height >= 24, `${at.path} is ${at.height} high`);
      }
      assert.ok(seen.size > 1);
    });
  }
});

/** What has the focus. Runs in the page. */
function focused() {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  const all = [...document.querySelectorAll("*")];
  const box = element.closest("label.choice") ?? element;
  return {
    path: `${element.tagName} ${element.textContent.trim().slice(0, 30)} ${all.indexOf(element)}`,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inline: style.display === "inline",
    height: box.getBoundingClientRect().height,
  };
}
