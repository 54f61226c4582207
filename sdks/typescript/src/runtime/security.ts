// Ways in, one function each, so that a program carries those of its operations only. Credentials
// are asked for anew for every attempt.

import type { ClientCore } from "./client.js";
import { inBrowser } from "./environment.js";
import { Failure } from "./failure.js";
import type { Ask, Scheme } from "./operation.js";
import type { ClientOptions, Secret, Security, Token } from "./options.js";

/** A credential as text. */
export const reveal = (secret: Secret | undefined): string | undefined | Promise<string> =>
  typeof secret === "function" ? secret() : secret;

/** The credential of a name, or of another. */
async function find({ security }: Ask, name: string, other = name): Promise<string | undefined> {
  const known: Security = typeof security === "object" ? security : { bearer: security };
  return reveal(known[name] || known[other]);
}

/** The last token each client used. */
const latest = new WeakMap<ClientCore, Token>();

/** A token: the operation's own, any bearer, or the token source's. */
export const bearer =
  (key: string): Scheme =>
  async (ask, signal) => {
    const { core, options, security } = ask;
    let value = await find(ask, key, "bearer");
    if (!security && options.tokenSource) {
      const token = (ask.token = await options.tokenSource.token({ signal }));
      if (latest.get(core) !== token) await ask.each("onTokenRefresh", token);
      latest.set(core, token);
      value = (token.tokenType === "DPoP" ? "DPoP " : "") + token.accessToken;
    }
    // Whoever says the scheme as well is forgiven.
    return value ? [["authorization", / /.test(value) ? value : "Bearer " + value]] : undefined;
  };

/** An OAuth client's id and secret in one header, form-encoded first (RFC 6749 §2.3.1). */
export const basicHeader = (...words: string[]): string =>
  "Basic " + btoa(words.map((word) => (new URLSearchParams({ "": word }) + "").slice(1)).join(":"));

/** An OAuth client's id and secret (HTTP Basic). */
export const basic = (): Scheme => async (ask) => {
  const id = await find(ask, "username");
  return id ? [["authorization", basicHeader(id, (await find(ask, "password")) ?? "")]] : undefined;
};

/** A credential in a header of its own. */
export const header =
  (key: string, name: string): Scheme =>
  async (ask) => {
    const value = await find(ask, key);
    return value ? [[name, value]] : undefined;
  };

/** A cookie, which a browser sends by itself. */
export const cookie =
  (key: string, name: string): Scheme =>
  async (ask) => {
    const value = await find(ask, key);
    return value ? [["cookie", name + "=" + value]] : inBrowser ? [] : undefined;
  };

/** No credential is one, too. */
export const open: Scheme = async () => [];

/** The first that there is a credential for. */
export const either =
  (...schemes: Scheme[]): Scheme =>
  async (ask, signal) => {
    for (const scheme of schemes) {
      const pairs = await scheme(ask, signal);
      if (pairs) return pairs;
    }
    return undefined;
  };

/** All of them. */
export const both =
  (...schemes: Scheme[]): Scheme =>
  async (ask, signal) => {
    const all = await Promise.all(schemes.map((scheme) => scheme(ask, signal)));
    return all.includes(undefined) ? undefined : all.flatMap((pairs) => pairs!);
  };

/** Refuses what everybody in a browser could read. */
export function mustHide({ dangerouslyAllowBrowser }: ClientOptions): void {
  if (inBrowser && !dangerouslyAllowBrowser) {
    throw new Failure("InvalidRequestError", "no secret in a browser: dangerouslyAllowBrowser");
  }
}

/** A credential that must not be seen in browsers. */
export const guarded =
  (scheme: Scheme): Scheme =>
  async (ask, signal) => {
    const pairs = await scheme(ask, signal);
    if (pairs) mustHide(ask.options);
    return pairs;
  };
