// Debian's Chromium, driven by Playwright: quiet, offline but for us, a fresh profile each time.

import { chromium } from "playwright-core";

const PROGRAM = process.env.KEYHAVEN_TEST_CHROMIUM ?? "/usr/bin/chromium";

const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A phone and a desk. */
export const SIZES = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1280, height: 800 },
};

export const SCHEMES = ["light", "dark"];

/** Starts the browser. */
export function launch() {
  return chromium.launch({ executablePath: PROGRAM, args: SWITCHES });
}

/** A tab of a person of their own. It remembers what the page complained about. */
export async function person(browser, options = {}) {
  const context = await browser.newContext({ viewport: SIZES.desktop, locale: "en-GB", ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    // A status of 4xx is an answer like any other; the tests look at it themselves.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      page.complaints.push(message.text());
    }
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  return page;
}
