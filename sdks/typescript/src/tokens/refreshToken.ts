// Tokens by a refresh token (RFC 6749 §6), which the server may rotate: the newest one is kept.

import type { Token, TokenSource } from "../runtime/options.js";
import { ask, scopes, tokenURL, type Endpoint } from "./endpoint.js";
import { OAuthError, ReauthenticationRequired } from "./errors.js";
import { acrossTabs, source, type SourceOptions } from "./source.js";

/** A source that renews. Refreshing is never repeated blindly: a lost answer looks like theft. */
export function refreshToken(
  options: Endpoint & SourceOptions & { refreshToken?: string; token?: Token },
): TokenSource {
  const { scope, resource, store } = options;
  const key = options.key ?? [tokenURL(options), options.clientId, resource ?? ""].join(" ");
  let current = options.refreshToken ?? options.token?.refreshToken;
  const renew = async (last: Token | undefined) => {
    const kept = last?.refreshToken ?? current;
    if (!kept) throw new ReauthenticationRequired("there is no refresh token");
    const parameters = {
      grant_type: "refresh_token",
      refresh_token: kept,
      scope: scopes(scope),
      resource,
    };
    try {
      const token = await ask(options, parameters);
      current = token.refreshToken || kept;
      return { ...token, refreshToken: current };
    } catch (error) {
      if (!OAuthError.is(error) || error.error !== "invalid_grant") throw error;
      current = undefined;
      await store?.delete(key);
      throw new ReauthenticationRequired("the refresh token no longer counts", { cause: error });
    }
  };
  const locking = store && !store.withLock ? { ...bound(store), withLock: acrossTabs } : store;
  const inner = source(renew, { ...options, key, ...(locking && { store: locking }) });
  if (options.token) void locking?.set(key, options.token);
  return inner;
}

function bound(store: NonNullable<SourceOptions["store"]>) {
  return {
    get: store.get.bind(store),
    set: store.set.bind(store),
    delete: store.delete.bind(store),
  };
}
