// Screenshots of every sample: phone and desktop, light and dark, into the folder that is named.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { launch, person, SCHEMES, SIZES } from "./chromium.mjs";
import { names, serveSamples } from "./samples.mjs";
import { startServer } from "./server.mjs";

const [folder, ...chosen] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const [server, browser] = await Promise.all([startServer(), launch()]);
let count = 0;
try {
  const all = await names();
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of SCHEMES) {
      const page = await person(browser, { viewport, colorScheme });
      await serveSamples(page, server);
      for (const name of all.filter((name) => chosen.length === 0 || chosen.includes(name))) {
        await page.goto(`${server.url}/samples/${name}`);
        const path = join(folder, `${name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
        count += 1;
      }
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
console.log(`${count} screenshots in ${folder}`);
