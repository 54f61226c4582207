// How long to wait before the next attempt, and whether there is one.

import type { Operation } from "./operation.js";
import type { ClientOptions, RetryConfig } from "./options.js";

type Backoff = Extract<RetryConfig, { strategy: "backoff" }>;

/** What a call may do about failures: nothing for operations that must not happen twice. */
export function plan(op: Operation, { retries }: ClientOptions): Backoff | undefined {
  if (op.retry === "never" || retries?.strategy === "none") return undefined;
  return retries ?? { strategy: "backoff" };
}

/** Whether an answer is worth another attempt; the server's own word wins. */
export function isWorth(op: Operation, { retryCodes }: ClientOptions, response: Response): boolean {
  const word = response.headers.get("x-should-retry");
  const codes = retryCodes ?? ["408", "42[59]", op.retry === "safe" ? "50[0234]" : "50[234]"];
  const pattern = `^(${codes.join("|").replace(/x/gi, ".")})$`;
  return word === "true" || (word !== "false" && RegExp(pattern).test(`${response.status}`));
}

/** Full jitter: anywhere between nothing and a bound that doubles, but never less than told. */
export function delay(config: Backoff, attempt: number, toldMs = 0): number {
  const { initialInterval = 500, exponent = 2, maxInterval = 8000 } = config.backoff ?? {};
  const bound = Math.min(initialInterval * exponent ** (attempt - 1), maxInterval);
  return Math.max(Math.random() * bound, toldMs);
}

/** How long the server wants to be left alone. */
export function retryAfter(headers: Headers): number | undefined {
  const ms = headers.get("retry-after-ms");
  const text = headers.get("retry-after");
  const wait = ms ? +ms : text ? (+text * 1000 || Date.parse(text) - Date.now()) : NaN;
  return wait >= 0 ? wait : undefined;
}
