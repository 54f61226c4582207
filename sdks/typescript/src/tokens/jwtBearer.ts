// Tokens for assertions (RFC 7523 §2.1): workload identities, identity assertions of other issuers.

import type { Secret, TokenSource } from "../runtime/options.js";
import type { Endpoint } from "./endpoint.js";
import { share } from "./flights.js";
import { askOnce } from "./once.js";
import { source, type SourceOptions } from "./source.js";
import { needsKey } from "./store.js";

/** A source that presents `assertion`, asked for anew each time. */
export function jwtBearer(
  options: Endpoint & SourceOptions & { assertion: Secret },
): TokenSource {
  const { scope, resource, assertion } = options;
  needsKey(options);
  return source(
    async () =>
      share(
        options,
        {
          grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
          assertion: typeof assertion === "function" ? await assertion() : assertion,
          scope,
          resource,
        },
        askOnce,
      ),
    options,
  );
}
