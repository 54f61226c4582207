// Tokens of a program's own (RFC 6749 §4.4).

import type { TokenSource } from "../runtime/options.js";
import { ask, type Endpoint } from "./endpoint.js";
import { source, type SourceOptions } from "./source.js";

/** A source of tokens of a client's own authority. */
export function clientCredentials(options: Endpoint & SourceOptions): TokenSource {
  const { scope, resource } = options;
  const parameters = { grant_type: "client_credentials", scope, resource };
  return source(() => ask(options, parameters), options);
}
