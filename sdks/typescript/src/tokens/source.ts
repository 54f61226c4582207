// One token for everybody who needs it: one request at a time, early renewal, a short memory of
// failures.

import type { Token, TokenSource } from "../runtime/options.js";
import type { Endpoint } from "./endpoint.js";
import type { Keeper } from "./store.js";

/** Anything that gets a new token. `last` is the one before, with its refresh token. */
export type Renew = (last: Token | undefined) => Promise<Token>;

/** What a source can be told. */
export interface SourceOptions extends Partial<Endpoint> {
  /** Told of failures in the background, while the old token still counts. */
  onTokenError?: (error: unknown) => void;
  /** Where the token is kept; in memory unless said otherwise. */
  store?: Keeper;
  /** Names the token in stores and across browser tabs; made from issuer, client and resource. */
  key?: string;
}

const EARLY_MS = 60_000;
const MEMORY_MS = 1_000;

/** A source around `renew`. */
export function source(renew: Renew, options: SourceOptions = {}): TokenSource {
  let last: Token | undefined;
  let flight: Promise<Token> | undefined;
  /** When the newest token ends, when it is due, and when a failure is forgotten. */
  let ends = 0;
  let early = 0;
  let until = 0;

  const fetchToken = async (): Promise<Token> => {
    last = await (options.store?.renew(options, last, renew) ?? renew(last));
    ends = last.expiresAt ?? Infinity;
    early = ends - Math.min(EARLY_MS, (ends - Date.now()) / 10) * (0.5 + Math.random() / 2);
    flight = undefined;
    return last;
  };

  /** All callers share one request, whoever of them gives up; a failure is remembered shortly. */
  const fly = (): Promise<Token> => {
    if (!flight || Date.now() > until) {
      until = Infinity;
      flight = fetchToken();
      flight.catch(() => (until = Date.now() + MEMORY_MS));
    }
    return flight;
  };

  return {
    async token() {
      const now = Date.now();
      if (now >= ends) return fly();
      if (now > early) {
        early = now + MEMORY_MS;
        fly().catch((error: unknown) => options.onTokenError?.(error));
      }
      return last!;
    },
    // A late 401 for an old token must not drop the new one.
    invalidate({ accessToken }) {
      if (accessToken === last?.accessToken) ends = 0;
    },
  };
}
