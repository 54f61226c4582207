// Tokens for tokens (RFC 8693), on behalf of somebody, through an actor if there is one.

import type { Secret, TokenSource } from "../runtime/options.js";
import type { Endpoint } from "./endpoint.js";
import { share } from "./flights.js";
import { source, type SourceOptions } from "./source.js";
import { needsKey } from "./store.js";

const TYPE = "urn:ietf:params:oauth:token-type:";

/** A source that exchanges. */
export function tokenExchange(
  options: Endpoint &
    SourceOptions & {
      subjectToken: Secret;
      subjectTokenType?: string;
      actorToken?: Secret;
      actorTokenType?: string;
      audience?: string;
    },
): TokenSource {
  const { scope, resource, audience, actorToken } = options;
  needsKey(options);
  const reveal = async (secret: Secret) => (typeof secret === "function" ? secret() : secret);
  return source(async () => {
    const parameters = {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: await reveal(options.subjectToken),
      subject_token_type: options.subjectTokenType ?? TYPE + "access_token",
      scope,
      resource,
      audience,
    };
    if (!actorToken) return share(options, parameters);
    return share(options, {
      ...parameters,
      actor_token: await reveal(actorToken),
      actor_token_type: options.actorTokenType ?? TYPE + "access_token",
    });
  }, options);
}
