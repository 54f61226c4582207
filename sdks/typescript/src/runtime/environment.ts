// Where this runs, and what the class client reads there. Standalone functions read nothing.

import type { ClientOptions } from "./options.js";

/** Whether everybody around can read what this program knows. */
export const inBrowser = typeof document !== "undefined";

/** `options`, completed from `KEYHAVEN_URL` and `KEYHAVEN_CREDENTIAL` outside browsers. */
export function fromEnvironment(options: ClientOptions): ClientOptions {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const environment = (!inBrowser && process?.env) || {};
  const completed = { ...options };
  if (completed.serverURL === undefined && environment["KEYHAVEN_URL"]) {
    completed.serverURL = environment["KEYHAVEN_URL"];
  }
  const credential = environment["KEYHAVEN_CREDENTIAL"];
  if (completed.security === undefined && !completed.tokenSource && credential) {
    completed.security = { bearer: credential };
  }
  return completed;
}
