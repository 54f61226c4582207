// Tokens by a refresh token (RFC 6749 §6), which the server may rotate: the newest one is kept.

import { Failure } from "../runtime/failure.js";
import type { Token, TokenSource } from "../runtime/options.js";
import type { Endpoint } from "./endpoint.js";
import { share } from "./flights.js";
import { askOnce } from "./once.js";
import { source, type SourceOptions } from "./source.js";
import { keyOf } from "./store.js";

/**
 * A source that renews. A refresh whose answer was lost is repeated where the server gives the same
 * answer again, and nowhere else: it would look like theft.
 */
export function refreshToken(
  options: Endpoint & SourceOptions & { refreshToken?: string; token?: Token },
): TokenSource {
  const { scope, resource, store, token } = options;
  const own = { ...options, key: keyOf({ ...options, scope: [] }) };
  const dead = new Set<string>();
  let current = options.refreshToken ?? token?.refreshToken;
  if (token) void store?.set(own.key, token);
  return source(async (last) => {
    const kept = last?.refreshToken ?? current;
    if (!kept || dead.has(kept)) throw new Failure(GONE, "there is no refresh token");
    const parameters = { grant_type: "refresh_token", refresh_token: kept, scope, resource };
    try {
      const fresh = await share(options, parameters, askOnce);
      current = fresh.refreshToken || kept;
      return { ...fresh, refreshToken: current };
    } catch (cause) {
      if ((cause as { error?: string }).error !== "invalid_grant") throw cause;
      dead.add(kept);
      await store?.delete(own.key);
      throw new Failure(GONE, "the refresh token no longer counts", { cause });
    }
  }, own);
}

const GONE = "ReauthenticationRequired";
