// A token endpoint (RFC 6749 §3.2), and who asks there.

import { APIError, ConnectionError, InvalidRequestError, RequestTimeoutError } from "../runtime/errors.js";
import type { Secret, Token } from "../runtime/options.js";
import { inBrowser } from "../runtime/security.js";
import { OAuthError } from "./errors.js";

/** Adds what proves the client to a request for a token. */
export type ClientAuthentication = (
  form: URLSearchParams,
  headers: Headers,
  endpoint: string,
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
  /** More parameters. */
  parameters?: Record<string, string>;
  fetch?: typeof fetch;
  timeoutMs?: number;
  dangerouslyAllowBrowser?: boolean;
}

/** The address of the token endpoint. */
export function tokenURL(endpoint: Endpoint): string {
  return endpoint.tokenURL ?? (endpoint.serverURL ?? "").replace(/\/+$/, "") + "/oauth2/token";
}

/** Asks for a token. Throws `OAuthError` when it is refused. */
export async function ask(
  endpoint: Endpoint,
  parameters: Record<string, string | undefined>,
  signal?: AbortSignal,
): Promise<Token> {
  const form = new URLSearchParams(endpoint.parameters);
  for (const name in parameters) if (parameters[name]) form.set(name, parameters[name]!);
  const headers = new Headers({ accept: "application/json" });
  await authenticate(endpoint, form, headers);
  const url = tokenURL(endpoint);
  const limit = AbortSignal.timeout(endpoint.timeoutMs ?? 30_000);
  let response: Response;
  let text: string;
  try {
    response = await (endpoint.fetch ?? fetch)(url, {
      method: "POST",
      body: form,
      headers,
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    text = await response.text();
  } catch (cause) {
    if (limit.aborted) throw new RequestTimeoutError("no token in time", { cause });
    throw new ConnectionError("the token endpoint cannot be reached", { cause });
  }
  return read(response, text);
}

async function authenticate(endpoint: Endpoint, form: URLSearchParams, headers: Headers) {
  const { clientId, clientSecret, authentication } = endpoint;
  if (authentication) return authentication(form, headers, tokenURL(endpoint));
  const secret = typeof clientSecret === "function" ? await clientSecret() : clientSecret;
  if (!secret) return form.set("client_id", clientId);
  if (inBrowser && !endpoint.dangerouslyAllowBrowser) {
    throw new InvalidRequestError("a client secret would be readable by everybody in a browser");
  }
  const encode = (part: string) => new URLSearchParams({ "": part }).toString().slice(1);
  headers.set("authorization", "Basic " + btoa(encode(clientId) + ":" + encode(secret)));
}

function read(response: Response, text: string): Token {
  let body: Record<string, any> = {};
  try {
    body = JSON.parse(text) as Record<string, any>;
  } catch {
    // Whatever it is, it is no token.
  }
  const fields = {
    operationId: "token",
    statusCode: response.status,
    headers: response.headers,
    contentType: response.headers.get("content-type") ?? "",
    requestId: response.headers.get("x-request-id") ?? undefined,
    body: text,
  };
  if (response.ok && typeof body["access_token"] === "string") {
    const lives = typeof body["expires_in"] === "number" ? body["expires_in"] : 300;
    return {
      accessToken: body["access_token"],
      tokenType: "Bearer",
      expiresAt: Date.now() + lives * 1000,
      scope: body["scope"],
      refreshToken: body["refresh_token"],
      idToken: body["id_token"],
    };
  }
  if (typeof body["error"] !== "string") throw new APIError(`status ${response.status}`, fields);
  const { error, error_description: errorDescription, error_uri: errorUri } = body;
  const data = { error, errorDescription, errorUri };
  throw new OAuthError([error, errorDescription].filter(Boolean).join(": "), { ...fields, data });
}

/** A scope as the wire has it. */
export function scopes(scope: string | string[] | undefined): string | undefined {
  return Array.isArray(scope) ? scope.join(" ") : scope;
}
