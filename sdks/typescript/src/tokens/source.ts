// One token for everybody who needs it: one request at a time, early renewal, a short memory of
// failures.

import type { Token, TokenSource } from "../runtime/options.js";
import type { Endpoint } from "./endpoint.js";

/** Anything that gets a new token. `last` is the one before, with its refresh token. */
export type Renew = (last: Token | undefined, signal?: AbortSignal) => Promise<Token>;

/** What a source can be told. */
export interface SourceOptions {
  /** Told of failures in the background, while the old token still counts. */
  onTokenError?: (error: unknown) => void;
  /** Where the token is kept; in memory unless said otherwise. */
  store?: TokenStore;
  /** Names the token in stores and across browser tabs; made from issuer, client and resource. */
  key?: string;
}

/** Keeps tokens by issuer, client and resource. */
export interface TokenStore {
  get(key: string): Token | undefined | Promise<Token | undefined>;
  set(key: string, token: Token): void | Promise<void>;
  delete(key: string): void | Promise<void>;
  /** Runs `work` while nobody else does for this key. */
  withLock?<T>(key: string, work: () => Promise<T>): Promise<T>;
}

const EARLY_MS = 60_000;
const MEMORY_MS = 1_000;

/** A source around `renew`. */
export function source(renew: Renew, options: SourceOptions & Partial<Endpoint> = {}): TokenSource {
  const { store, onTokenError, tokenURL, serverURL, clientId, resource, scope } = options;
  const key = options.key ?? [tokenURL ?? serverURL, clientId, resource, scope].join(" ");
  let held: Token | undefined;
  let flight: Promise<Token> | undefined;
  let failed: { error: unknown; until: number } | undefined;
  let early = 0;

  const take = (token: Token): Token => {
    held = token;
    const life = (token.expiresAt ?? Infinity) - Date.now();
    early = (token.expiresAt ?? Infinity) - Math.min(EARLY_MS, life / 10) * (0.5 + Math.random() / 2);
    return token;
  };
  const isAlive = (token: Token) => (token.expiresAt ?? Infinity) > Date.now();

  async function fetchToken(): Promise<Token> {
    const kept = await store?.get(key);
    // Somebody else, another tab perhaps, has renewed it already.
    if (kept && isAlive(kept) && kept.accessToken !== held?.accessToken && !spent.has(kept.accessToken)) {
      return take(kept);
    }
    try {
      const token = await renew(held ?? kept);
      await store?.set(key, token);
      return take(token);
    } catch (error) {
      if ((error as { error?: string }).error === "invalid_grant") {
        held = undefined;
        await store?.delete(key);
      }
      throw error;
    }
  }
  const spent = new Set<string>();

  /** All callers share one request, whoever of them gives up. */
  function fly(): Promise<Token> {
    if (failed && failed.until > Date.now()) return Promise.reject(failed.error);
    const locked = store?.withLock ? () => store.withLock!(key, fetchToken) : fetchToken;
    flight ??= locked()
      .catch((error: unknown) => {
        failed = { error, until: Date.now() + MEMORY_MS };
        throw error;
      })
      .finally(() => (flight = undefined));
    return flight;
  }

  return {
    async token() {
      const current = held;
      if (!current || !isAlive(current) || spent.has(current.accessToken)) return fly();
      if (Date.now() > early && !flight) {
        early = Date.now() + MEMORY_MS;
        fly().catch((error: unknown) => onTokenError?.(error));
      }
      return current;
    },
    invalidate({ accessToken }) {
      // A late 401 for an old token must not drop the new one.
      if (held?.accessToken !== accessToken) return;
      spent.clear();
      spent.add(accessToken);
    },
  };
}

/** Tokens of several people must not be kept under one name. */
export function needsKey({ store, key }: SourceOptions): void {
  if (store && !key) throw new TypeError("a store needs a key that says whose token it is");
}

/** Runs `work` alone among the tabs of a browser where it can be; as it is elsewhere. */
export function acrossTabs<T>(key: string, work: () => Promise<T>): Promise<T> {
  const locks = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks;
  return locks ? (locks.request(`@keyhaven/sdk ${key}`, work) as Promise<T>) : work();
}
