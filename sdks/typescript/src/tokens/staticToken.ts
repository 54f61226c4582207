// A token that somebody else takes care of.

import type { TokenSource } from "../runtime/options.js";

/** Always this token. */
export function staticToken(accessToken: string): TokenSource {
  return { token: async () => ({ accessToken }), invalidate: () => {} };
}
