// Access tokens of an issuer, checked where they are used (RFC 9068 §4). Nothing in a token chooses
// how it is checked: algorithms come from an allow list, keys from the issuer's own set.

import { ConnectionError, SDKError } from "../runtime/errors.js";

/** Why a token does not count. */
export class TokenRefused extends SDKError {
  static override readonly kind: string = "TokenRefused";
}

/** What a checked token says. */
export interface Claims {
  iss: string;
  sub: string;
  aud: string | string[];
  exp: number;
  iat: number;
  jti?: string;
  client_id?: string;
  scope?: string;
  cnf?: { jkt?: string; "x5t#S256"?: string };
  [claim: string]: unknown;
}

/** What a token is checked against. */
export interface VerifierOptions {
  issuer: string;
  audience: string;
  /** Must have all of these. */
  scopes?: string[];
  algorithms?: Algorithm[];
  /** Seconds that clocks may differ. */
  skew?: number;
  /** Key sets are at `/.well-known/jwks.json` of the issuer unless this says otherwise. */
  jwksURL?: string;
  fetch?: typeof fetch;
  /** Now, in milliseconds; for tests. */
  now?: () => number;
}

type Algorithm = "ES256" | "EdDSA" | "PS256" | "RS256";
type Key = JsonWebKey & { kid?: string; alg?: string; use?: string };

const IMPORT: Record<Algorithm, EcKeyImportParams | RsaHashedImportParams | { name: string }> = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  EdDSA: { name: "Ed25519" },
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};

const VERIFY: Record<Algorithm, EcdsaParams | RsaPssParams | { name: string }> = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
  PS256: { name: "RSA-PSS", saltLength: 32 },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
};

const TYPES: Record<Algorithm, string> = { ES256: "EC", EdDSA: "OKP", PS256: "RSA", RS256: "RSA" };

/** How often an unknown `kid` may make us fetch the key set. */
const REFETCH_MS = 30_000;

/** A function that gives the claims of a token, or throws why it does not count. */
export function verifier(options: VerifierOptions): (token: string) => Promise<Claims> {
  const now = options.now ?? Date.now;
  const keys = keySet(options, now);
  return async (token) => {
    const parts = token.split(".");
    if (parts.length !== 3) refuse("it is no JWT");
    const header = parse(parts[0]!);
    const algorithm = header["alg"] as Algorithm;
    const allowed = options.algorithms ?? ["ES256", "EdDSA", "PS256", "RS256"];
    if (!allowed.includes(algorithm)) refuse("its algorithm is not allowed");
    const type = String(header["typ"]).toLowerCase().replace(/^application\//, "");
    if (type !== "at+jwt") refuse("it is no access token");
    if (header["crit"]) refuse("it has critical headers");
    const key = await keys(header["kid"], algorithm);
    const input = new TextEncoder().encode(parts[0] + "." + parts[1]);
    const good = await crypto.subtle.verify(VERIFY[algorithm], key, bytes(parts[2]!), input);
    if (!good) refuse("its signature is wrong");
    return judge(parse(parts[1]!) as Claims, options, now() / 1000);
  };
}

function refuse(reason: string): never {
  throw new TokenRefused(reason, { operationId: "verify" });
}

function judge(claims: Claims, options: VerifierOptions, now: number): Claims {
  const { issuer, audience, scopes = [], skew = 30 } = options;
  if (claims.iss !== issuer) refuse("it is of another issuer");
  if (![claims.aud].flat().includes(audience)) refuse("it is for somebody else");
  if (typeof claims.exp !== "number" || claims.exp + skew <= now) refuse("it has ended");
  const begins = [claims["nbf"], claims.iat].filter((time) => time !== undefined) as number[];
  if (begins.some((time) => !(time - skew <= now))) refuse("it has not begun");
  const held = (claims.scope ?? "").split(" ");
  const missing = scopes.find((scope) => !held.includes(scope));
  if (missing) refuse(`it lacks the scope ${missing}`);
  return claims;
}

/** The issuer's keys, kept; a `kid` that is not among them makes one fetch in 30 seconds. */
function keySet({ issuer, jwksURL, fetch: get = fetch }: VerifierOptions, now: () => number) {
  const url = jwksURL ?? issuer.replace(/\/+$/, "") + "/.well-known/jwks.json";
  const imported = new Map<string, Promise<CryptoKey>>();
  let keys: Key[] = [];
  let fetched = -Infinity;
  let flight: Promise<void> | undefined;

  async function refetch(): Promise<void> {
    fetched = now();
    try {
      const response = await get(url, { redirect: "error" });
      const set = (await response.json()) as { keys?: Key[] };
      if (!response.ok || !Array.isArray(set.keys)) throw new Error(`status ${response.status}`);
      keys = set.keys;
      imported.clear();
    } catch (cause) {
      throw new ConnectionError("the issuer's keys cannot be fetched", { cause });
    }
  }
  const fitting = (kid: unknown, algorithm: Algorithm) =>
    keys.find(
      (key) =>
        key.kid === kid &&
        key.kty === TYPES[algorithm] &&
        (key.alg ?? algorithm) === algorithm &&
        (key.use ?? "sig") === "sig",
    );

  return async (kid: unknown, algorithm: Algorithm): Promise<CryptoKey> => {
    let key = fitting(kid, algorithm);
    if (!key && (flight || now() - fetched >= REFETCH_MS)) {
      flight ??= refetch().finally(() => (flight = undefined));
      await flight;
      key = fitting(kid, algorithm);
    }
    if (!key) refuse("no key of the issuer fits it");
    const name = algorithm + " " + kid;
    const known = imported.get(name);
    if (known) return known;
    const { kty, crv, x, y, n, e } = key!;
    const jwk = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, v]) => v));
    const made = crypto.subtle.importKey("jwk", jwk as JsonWebKey, IMPORT[algorithm], false, ["verify"]);
    imported.set(name, made);
    return made;
  };
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]*$/.test(text)) refuse("it is not base64url");
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes(text)));
    if (value && typeof value === "object") return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  return refuse("it is no JWT");
}
