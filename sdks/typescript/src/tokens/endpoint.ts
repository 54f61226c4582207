// A token endpoint (RFC 6749 §3.2), and who asks there.

import { Failure } from "../runtime/failure.js";
import type { Secret, Token } from "../runtime/options.js";
import { basicHeader, mustHide, reveal } from "../runtime/security.js";
import { send } from "../runtime/send.js";

/** Proves the client to `audience`: the issuer, or the endpoint where no issuer is known. */
export type ClientAuthentication = (
  form: URLSearchParams,
  headers: Record<string, string>,
  audience: string,
) => void | Promise<void>;

/** Where tokens come from, and for whom. */
export interface Endpoint {
  /** The issuer; its token endpoint is `/oauth2/token` below unless `tokenURL` says otherwise. */
  serverURL?: string;
  tokenURL?: string;
  clientId: string;
  clientSecret?: Secret;
  /** Instead of a secret, for example `privateKeyJwt`. */
  authentication?: ClientAuthentication;
  scope?: string | string[];
  /** The API the token is for (RFC 8707). */
  resource?: string;
  /**
   * Whether the server gives tokens again under an `Idempotency-Key`, so that a grant that works once
   * may be repeated when its answer is lost. Its metadata says so unless you do.
   */
  ours?: boolean;
  /** More parameters. */
  parameters?: Record<string, string>;
  fetch?: typeof fetch;
  timeoutMs?: number;
  dangerouslyAllowBrowser?: boolean;
}

export type Parameters = Record<string, string | string[] | undefined>;

/** The address of the token endpoint. */
export function tokenURL({ tokenURL, serverURL = "" }: Partial<Endpoint>): string {
  return tokenURL ?? serverURL.replace(/\/+$/, "") + "/oauth2/token";
}

const operation = { id: "token", method: "POST", errors: { "4XX": "OAuthError" } };

/** Sends a form to an endpoint of OAuth, as this client. Throws `OAuthError` when it is refused. */
export async function post<T>(
  endpoint: Endpoint,
  parameters: Parameters,
  signal?: AbortSignal,
  path = tokenURL(endpoint),
  ok = 200,
): Promise<T> {
  const { clientId, clientSecret, authentication } = endpoint;
  const body = new URLSearchParams(endpoint.parameters);
  for (const name in parameters) {
    const value = parameters[name];
    if (value) body.set(name, [value].flat().join(" "));
  }
  const headers: Record<string, string> = {};
  if (authentication) await authentication(body, headers, endpoint.serverURL ?? path);
  else if (clientSecret) {
    mustHide(endpoint);
    headers["authorization"] = basicHeader(clientId, (await reveal(clientSecret))!);
  } else body.set("client_id", clientId);
  // The form goes where a caller's body would; the address is whole.
  const fetchOptions = { body, signal, credentials: "omit" } as RequestInit;
  const { error, value } = await send<T, Error>(
    { options: endpoint },
    { ...operation, path, ok },
    {},
    {},
    { serverURL: "", headers, fetchOptions },
  );
  if (error) throw error;
  return value as T;
}

/** Asks for a token. */
export async function ask(
  endpoint: Endpoint,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<Token> {
  const { expiresIn = 300, ...token } = await post<Answer>(endpoint, parameters, signal);
  if (!token.accessToken) throw new Failure("ResponseValidationError", "no token");
  return { ...token, expiresAt: Date.now() + expiresIn * 1000 };
}

type Answer = Token & { expiresIn?: number };
