// Where tokens outlive a program or a page. Only those who keep tokens carry this.

import type { Token } from "../runtime/options.js";
import { tokenURL } from "./endpoint.js";
import type { Renew, SourceOptions } from "./source.js";

/** Keeps tokens by issuer, client and resource. */
export interface TokenStore {
  get(key: string): Token | undefined | Promise<Token | undefined>;
  set(key: string, token: Token): void | Promise<void>;
  delete(key: string): void | Promise<void>;
  /** Runs `work` while nobody else does for this key; alone among a browser's tabs without it. */
  withLock?<T>(key: string, work: () => Promise<T>): Promise<T>;
}

/** A store as sources take it. */
export interface Keeper extends TokenStore {
  /** The token that is kept, or a new one which then is; `last` serves no more. */
  renew(options: SourceOptions, last: Token | undefined, renew: Renew): Promise<Token>;
}

/** Makes a store of your own one that sources take. */
export function tokenStore(store: TokenStore): Keeper {
  const get = (key: string) => store.get(key);
  const set = (key: string, token: Token) => store.set(key, token);
  const withLock = <T>(key: string, work: () => Promise<T>) =>
    (store.withLock ? store.withLock(key, work) : acrossTabs(key, work)) as Promise<T>;
  return {
    get,
    set,
    withLock,
    delete: (key) => store.delete(key),
    renew(options, last, renew) {
      const key = keyOf(options);
      return withLock(key, async () => {
        const kept = await get(key);
        const serves = kept && !(kept.expiresAt! <= Date.now());
        // Somebody else, another tab perhaps, has renewed it already.
        if (serves && kept.accessToken !== last?.accessToken) return kept;
        // What is kept is the newest: an older refresh token would look stolen.
        const token = await renew(kept ?? last);
        await set(key, token);
        return token;
      });
    },
  };
}

/** What a token is kept under. */
export function keyOf({ key, scope, ...options }: SourceOptions): string {
  const { clientId, resource } = options;
  return key ?? [tokenURL(options), clientId, resource, scope].join(" ");
}

/** Tokens of several people must not be kept under one name. */
export function needsKey({ store, key }: SourceOptions): void {
  if (store && !key) throw new TypeError("a store needs a key that says whose token it is");
}

/** Runs `work` alone among the tabs of a browser where it can be; as it is elsewhere. */
function acrossTabs<T>(key: string, work: () => Promise<T>): Promise<T> {
  const locks = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks;
  return locks ? (locks.request(`@keyhaven/sdk ${key}`, work) as Promise<T>) : work();
}
