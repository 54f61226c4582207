// Signing in by the authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636), for browsers and
// for command lines (RFC 8252 §7.3).

import { Failure } from "../runtime/failure.js";
import type { Token } from "../runtime/options.js";
import { post, type Endpoint } from "./endpoint.js";
import { askOnce, IDEMPOTENT } from "./once.js";
import type { BoundFetch } from "./dpop.js";
import { base64url } from "./privateKeyJwt.js";

/** What an issuer says about itself (RFC 8414). */
export interface Metadata {
  issuer: string;
  authorization_endpoint?: string;
  token_endpoint?: string;
  pushed_authorization_request_endpoint?: string;
  authorization_response_iss_parameter_supported?: boolean;
  [name: string]: unknown;
}

/** What must be kept until the browser comes back, in `sessionStorage` for one. */
export interface PendingSignIn {
  state: string;
  nonce: string;
  verifier: string;
  redirectUri: string;
  issuer: string;
}

/** Who signs people in, and for what. */
export type SignIn = Endpoint & { serverURL: string; redirectUri: string; metadata?: Metadata };

/** The issuer's metadata; RFC 8414 first, then OpenID Connect. Its `issuer` must be the one asked. */
export async function discover(issuer: string, get: typeof fetch = fetch): Promise<Metadata> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const places = [
    origin + "/.well-known/oauth-authorization-server" + path,
    origin + path + "/.well-known/openid-configuration",
  ];
  for (const place of places) {
    const response = await get(place, { redirect: "error" });
    if (response.status !== 200) continue;
    const metadata = (await response.json()) as Metadata;
    if (metadata.issuer !== issuer) throw invalid("the metadata is another issuer's");
    return metadata;
  }
  throw invalid("the issuer describes itself nowhere");
}

/** Where to send the browser, and what to keep until it comes back. */
export async function startSignIn(options: SignIn): Promise<{ url: string; pending: PendingSignIn }> {
  const metadata = options.metadata ?? (await discover(options.serverURL, options.fetch));
  const [state, nonce, verifier] = [random(), random(), random()];
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const parameters = {
    response_type: "code",
    client_id: options.clientId,
    redirect_uri: options.redirectUri,
    state,
    nonce,
    code_challenge: base64url(new Uint8Array(hash)),
    code_challenge_method: "S256",
    scope: [options.scope ?? []].flat().join(" "),
    resource: options.resource ?? "",
    // RFC 9449 §10: the code is good only for the key of `dpop`, where that fetches.
    dpop_jkt: (await (options.fetch as BoundFetch | undefined)?.thumbprint?.()) ?? "",
    ...options.parameters,
  };
  const endpoint = metadata.authorization_endpoint;
  if (!endpoint) throw invalid("the issuer signs nobody in");
  const pushed = metadata.pushed_authorization_request_endpoint;
  const query = new URLSearchParams(pushed ? await push(pushed, parameters, options) : parameters);
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  const { redirectUri } = options;
  const pending = { state, nonce, verifier, redirectUri, issuer: metadata.issuer };
  return { url: endpoint + (endpoint.includes("?") ? "&" : "?") + query, pending };
}

/** RFC 9126: the request goes to the issuer first, and the browser carries its name only. */
async function push(url: string, parameters: Record<string, string>, options: SignIn) {
  const { requestUri } = await post<{ requestUri: string }>(options, parameters, undefined, url, 201);
  return { client_id: options.clientId, request_uri: requestUri };
}

/** The token, once the browser has come back to `callbackURL`. Call it once: codes are spent. */
export async function finishSignIn(
  options: SignIn,
  pending: PendingSignIn,
  callbackURL: string,
): Promise<Token> {
  const metadata = options.metadata ?? (await discover(options.serverURL, options.fetch));
  const answer = new URL(callbackURL).searchParams;
  if (answer.get("state") !== pending.state) {
    throw invalid("this is the answer to another sign-in");
  }
  const issuer = answer.get("iss");
  const mustSay = metadata.authorization_response_iss_parameter_supported;
  if ((issuer ?? (mustSay ? null : pending.issuer)) !== pending.issuer) {
    throw invalid("another issuer answered (RFC 9207)");
  }
  const error = answer.get("error");
  if (error) throw refused(error, answer.get("error_description") ?? undefined);
  const { ours = metadata[IDEMPOTENT] === true, tokenURL = metadata.token_endpoint! } = options;
  const token = await askOnce(
    { ...options, ours, tokenURL },
    {
      grant_type: "authorization_code",
      code: answer.get("code") ?? "",
      redirect_uri: pending.redirectUri,
      code_verifier: pending.verifier,
      resource: options.resource,
    },
  );
  if (token.idToken && claim(token.idToken, "nonce") !== pending.nonce) {
    throw invalid("the ID token is of another sign-in");
  }
  return token;
}

/** Signs in from a command line: listens on this computer, and `open` shows the page. */
export async function signInOnLoopback(
  options: Omit<SignIn, "redirectUri"> & {
    open: (url: string) => void | Promise<void>;
    port?: number;
    signal?: AbortSignal;
  },
): Promise<Token> {
  // Only here: browsers have no such module, and bundlers must not look for one.
  const name = "node:http";
  const { createServer } = (await import(/* @vite-ignore */ name)) as {
    createServer: (answer: (request: any, response: any) => void) => any;
  };
  let came: (url: string) => void;
  const callback = new Promise<string>((resolve) => (came = resolve));
  const server = createServer((request, response) => {
    if (!String(request.url).startsWith("/callback")) return response.writeHead(404).end();
    response.end("Signed in. You can close this page.\n");
    came("http://127.0.0.1" + request.url);
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  try {
    const redirectUri = `http://127.0.0.1:${server.address().port}/callback`;
    const own = { ...options, redirectUri };
    const { url, pending } = await startSignIn(own);
    await options.open(url);
    const aborted = new Promise<never>((_, reject) =>
      options.signal?.addEventListener("abort", () => reject(options.signal!.reason)),
    );
    return await finishSignIn(own, pending, await Promise.race([callback, aborted]));
  } finally {
    server.close();
  }
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function claim(token: string, name: string): unknown {
  const part = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
  return (JSON.parse(atob(part)) as Record<string, unknown>)[name];
}

function invalid(message: string): Failure {
  return new Failure("InvalidRequestError", message);
}

function refused(error: string, errorDescription?: string): Failure {
  const data = { error, errorDescription };
  return new Failure("OAuthError", [error, errorDescription].filter(Boolean).join(": "), {
    operationId: "sign-in",
    data,
  });
}
