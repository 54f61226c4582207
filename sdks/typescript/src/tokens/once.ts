// Grants that work once: codes, refresh tokens, device codes, assertions. A repetition after a lost
// answer looks like theft, unless the server gives the same tokens again to whoever repeats a request
// under its key. Keyhaven says in its metadata that it does, for a minute.

import { Failure, type ErrorFields } from "../runtime/failure.js";
import type { Token } from "../runtime/options.js";
import { newKey } from "../runtime/parts.js";
import { ask, tokenURL, type Endpoint, type Parameters } from "./endpoint.js";

/** The member of the metadata that says so. */
export const IDEMPOTENT = "keyhaven_idempotent_tokens";

/** From the first try; the server keeps its answer for a minute. */
const WINDOW_MS = 45_000;
const DISCOVERY_MS = 5_000;
const TRIES = 3;

/** The keys of requests that were not answered: whoever asks the same again uses the same. */
const unanswered = new Map<string, { key: string; until: number }>();
const servers = new Map<string, Promise<boolean>>();

/** Whether the server's metadata (RFC 8414) says that it is one of ours. Asked once. */
function isOurs(endpoint: Endpoint): boolean | Promise<boolean> {
  const { serverURL, ours } = endpoint;
  if (ours !== undefined || !serverURL) return !!ours;
  const name = serverURL + " " + tokenURL(endpoint);
  let known = servers.get(name);
  if (!known) {
    known = discoverOurs(serverURL.replace(/\/+$/, ""), endpoint);
    servers.set(name, known);
    known.catch(() => servers.delete(name));
  }
  // A server that cannot be asked is nobody's until it can.
  return known.catch(() => false);
}

async function discoverOurs(issuer: string, endpoint: Endpoint): Promise<boolean> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const place = origin + "/.well-known/oauth-authorization-server" + path;
  const signal = AbortSignal.timeout(DISCOVERY_MS);
  const response = await (endpoint.fetch ?? fetch)(place, { redirect: "error", signal });
  if (response.status >= 500) throw response;
  const told = await response.json().catch(() => ({}));
  return (
    response.status === 200 &&
    told.issuer === issuer &&
    told.token_endpoint === tokenURL(endpoint) &&
    told[IDEMPOTENT] === true
  );
}

/** Asks for a token by a grant that works once; again when no answer came and the server is ours. */
export async function askOnce(
  endpoint: Endpoint,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<Token> {
  if (!(await until(signal, Promise.resolve(isOurs(endpoint))))) return ask(endpoint, parameters, signal);
  const words = JSON.stringify([tokenURL(endpoint), endpoint.clientId, endpoint.parameters, parameters]);
  for (const [other, { until }] of unanswered) if (until < Date.now()) unanswered.delete(other);
  const { key, until: end } = unanswered.get(words) ?? { key: newKey(), until: Date.now() + WINDOW_MS };
  unanswered.set(words, { key, until: end });
  const named = { ...endpoint, defaultHeaders: { "idempotency-key": key } };
  for (let tries = 1; ; tries++) {
    try {
      // Each time anew: a proof of the client's is good once.
      const token = await ask(named, parameters, signal);
      unanswered.delete(words);
      return token;
    } catch (error) {
      const { name, statusCode, retryAfterMs = 0 } = error as Failure & ErrorFields;
      const isLost = /^(ConnectionE|RequestT)/.test(name) || /^(408|42[59]|50[234])$/.test(statusCode + "");
      if (statusCode && !isLost) unanswered.delete(words);
      const wait = Math.max(Math.random() * 500 * 2 ** (tries - 1), retryAfterMs);
      if (!isLost || tries === TRIES || Date.now() + wait > end) throw error;
      await until(signal, new Promise((resolve) => setTimeout(resolve, wait)));
    }
  }
}

/** What `work` gives, unless the caller aborts. */
function until<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Failure("RequestAbortedError", "aborted", { cause: signal.reason }));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
