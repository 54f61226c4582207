// Tokens that are bound to a key, so that nobody who steals one can use it (RFC 9449).

import { base64url, sign, type Algorithm } from "./privateKeyJwt.js";

/** A `fetch` that proves the key. Give it to token sources, to sign-in and to the client. */
export type BoundFetch = typeof fetch & {
  /** What a sign-in names the key by (RFC 7638); `startSignIn` does so by itself. */
  thumbprint(): Promise<string>;
};

/**
 * Puts a proof on requests that ask for tokens or carry one that is bound. A server that wants its
 * nonce in the proof gets the request once more, with it. Without `keys` a pair is made that no script
 * can read.
 */
export function dpop(options: {
  keys?: CryptoKeyPair;
  algorithm?: Algorithm;
  fetch?: typeof fetch;
} = {}): BoundFetch {
  const { algorithm = "ES256" } = options;
  const nonces = new Map<string, string>();
  let made: Promise<{ keys: CryptoKeyPair; jwk: JsonWebKey }> | undefined;
  const bound = () => (made ??= prepare(options.keys));

  async function once(request: Request): Promise<Response> {
    const { keys, jwk } = await bound();
    const { origin, pathname } = new URL(request.url);
    const claims: Record<string, unknown> = {
      jti: crypto.randomUUID(),
      htm: request.method,
      htu: origin + pathname,
      iat: Math.floor(Date.now() / 1000),
      nonce: nonces.get(origin),
    };
    const [, token] = /^DPoP (.*)/.exec(request.headers.get("authorization") ?? "") ?? [];
    if (token) claims["ath"] = await hash(token);
    const header = { alg: algorithm, typ: "dpop+jwt", jwk };
    request.headers.set("dpop", await sign(keys.privateKey, header, claims));
    const response = await (options.fetch ?? fetch)(request);
    const nonce = response.headers.get("dpop-nonce");
    if (nonce) nonces.set(origin, nonce);
    return response;
  }

  const proving = async (...words: Parameters<typeof fetch>): Promise<Response> => {
    const request = new Request(...words);
    const proves = request.headers.get("authorization") ?? (request.method === "POST" ? "" : "Bearer ");
    if (/^Bearer /i.test(proves)) return (options.fetch ?? fetch)(request);
    const again = request.clone();
    const response = await once(request);
    return (await wantsNonce(response)) ? once(again) : response;
  };
  const thumbprint = async () => {
    const { crv, e, kty, n, x, y } = (await bound()).jwk;
    return hash(JSON.stringify({ crv, e, kty, n, x, y }));
  };
  return Object.assign(proving, { thumbprint });
}

async function prepare(given: CryptoKeyPair | undefined) {
  const { subtle } = crypto;
  const keys =
    given ?? (await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]));
  const { crv, e, kty, n, x, y } = await subtle.exportKey("jwk", keys.publicKey);
  // As it travels: the members that identify the key, and no others.
  return { keys, jwk: JSON.parse(JSON.stringify({ crv, e, kty, n, x, y })) as JsonWebKey };
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return base64url(new Uint8Array(digest));
}

/** Whether a refusal asks for the nonce it carries (RFC 9449 §8, §9). */
async function wantsNonce(response: Response): Promise<boolean> {
  const { headers, status } = response;
  if (!headers.get("dpop-nonce") || (status !== 400 && status !== 401)) return false;
  const asks = /use_dpop_nonce/;
  return asks.test(headers.get("www-authenticate") ?? "") || asks.test(await response.clone().text());
}
