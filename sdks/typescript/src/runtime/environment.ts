// What the class client reads from the environment. Standalone functions read none.

import type { ClientOptions } from "./options.js";
import { inBrowser } from "./security.js";

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
