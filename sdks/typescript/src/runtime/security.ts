// Which credential goes along. Asked anew for every attempt.

import { InvalidRequestError } from "./errors.js";
import type { Operation, Scheme } from "./operation.js";
import type { ClientOptions, Secret, Security, Token } from "./options.js";

/** Whether everybody around can read what this program knows. */
export const inBrowser = typeof document !== "undefined" && typeof window !== "undefined";

/** Puts the first satisfied alternative on `headers`; answers with the source's token it used. */
export async function authorize(
  op: Operation,
  options: ClientOptions,
  given: Security | Secret | undefined,
  headers: Headers,
  signal: AbortSignal,
): Promise<Token | undefined> {
  const security = typeof given === "object" ? given : given && { bearer: given };
  const usesSource = !security && !!options.tokenSource;
  next: for (const alternative of op.security) {
    let token: Token | undefined;
    const found: [Scheme, string][] = [];
    for (const scheme of alternative) {
      let value = security && (await credential(scheme, security));
      if (!value && scheme.kind === "bearer" && usesSource) {
        token = await options.tokenSource!.token({ signal });
        value = token.accessToken;
      }
      if (!value && scheme.kind === "cookie" && inBrowser) continue;
      if (!value) continue next;
      if (scheme.guarded && inBrowser && !options.dangerouslyAllowBrowser) {
        throw new InvalidRequestError(
          `${scheme.key} would be readable by everybody in a browser (dangerouslyAllowBrowser)`,
        );
      }
      found.push([scheme, value]);
    }
    for (const [scheme, value] of found) put(headers, scheme, value, token);
    return token;
  }
  const names = op.security.map((schemes) => schemes.map((scheme) => scheme.key).join(" and "));
  if (names.length) throw new InvalidRequestError(`no credential: give ${names.join(" or ")}`);
  return undefined;
}

async function credential(scheme: Scheme, security: Security): Promise<string> {
  const ask = async (name: string) => {
    const value = security[name];
    return (typeof value === "function" ? await value() : value) || "";
  };
  if (scheme.kind !== "basic") {
    return (await ask(scheme.key)) || (scheme.kind === "bearer" ? ask("bearer") : "");
  }
  const [id, secret] = [await ask("username"), await ask("password")];
  return id && btoa(form(id) + ":" + form(secret));
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they meet. */
function form(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1);
}

function put(headers: Headers, { kind, name }: Scheme, value: string, token?: Token): void {
  if (kind === "header") headers.set(name!, value);
  else if (kind === "cookie") headers.append("cookie", name + "=" + value);
  else {
    const prefix = kind === "basic" ? "Basic" : (token?.tokenType ?? "Bearer");
    headers.set("authorization", prefix + " " + value.replace(/^Bearer\s+/i, ""));
  }
}
