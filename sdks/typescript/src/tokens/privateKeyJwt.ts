// Client authentication by a signed assertion (RFC 7523 §2.2).

import type { ClientAuthentication } from "./endpoint.js";

/** What keys sign by. */
export type Algorithm = "ES256" | "EdDSA" | "PS256" | "RS256";

/** How each algorithm of JOSE is spelled for WebCrypto. */
const ALGORITHMS: Record<Algorithm, EcdsaParams | RsaPssParams | { name: string }> = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
  PS256: { name: "RSA-PSS", saltLength: 32 },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
};

/** Proves a client by a key of its own. `audience` is the issuer unless said otherwise. */
export function privateKeyJwt(options: {
  clientId: string;
  key: CryptoKey;
  keyId?: string;
  algorithm?: Algorithm;
  audience?: string;
}): ClientAuthentication {
  const { clientId, key, keyId, algorithm = "ES256" } = options;
  return async (form, _, audience) => {
    const now = Math.floor(Date.now() / 1000);
    const assertion = await sign(key, { alg: algorithm, typ: "JWT", ...(keyId && { kid: keyId }) }, {
      iss: clientId,
      sub: clientId,
      aud: options.audience ?? audience,
      jti: crypto.randomUUID(),
      iat: now,
      exp: now + 60,
    });
    form.set("client_id", clientId);
    form.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    form.set("client_assertion", assertion);
  };
}

/** A compact JWS. */
export async function sign(
  key: CryptoKey,
  header: { alg: Algorithm; [name: string]: unknown },
  claims: object,
): Promise<string> {
  const encode = (part: object) => base64url(new TextEncoder().encode(JSON.stringify(part)));
  const input = encode(header) + "." + encode(claims);
  const signature = await crypto.subtle.sign(ALGORITHMS[header.alg], key, new TextEncoder().encode(input));
  return input + "." + base64url(new Uint8Array(signature));
}

/** Base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
