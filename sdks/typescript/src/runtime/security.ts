// Which credential goes along. Asked anew for every attempt.

import { InvalidRequestError } from "./errors.js";
import type { Operation } from "./operation.js";
import type { ClientOptions, Secret, Security, Token } from "./options.js";

/** Whether everybody around can read what this program knows. */
export const inBrowser = typeof document !== "undefined" && typeof window !== "undefined";

/** Puts the first satisfied alternative on `headers`; answers with the source's token it used. */
export async function authorize(
  op: Operation,
  { tokenSource, dangerouslyAllowBrowser }: ClientOptions,
  given: Security | Secret | undefined,
  headers: Headers,
  signal: AbortSignal,
): Promise<Token | undefined> {
  const security: Security = typeof given === "object" ? given : { bearer: given };
  const ask = async (name: string) => {
    const value = security[name];
    return (typeof value === "function" ? await value() : value) || "";
  };
  const names: string[] = [];
  next: for (const alternative of op.security) {
    let token: Token | undefined;
    const found: [string, string][] = [];
    for (const { key, kind, name, guarded } of alternative) {
      names.push(key);
      const isBearer = kind === "bearer";
      let value = await ask(kind === "basic" ? "username" : key);
      if (isBearer) value ||= await ask("bearer");
      if (!value && isBearer && !given && tokenSource) {
        value = (token = await tokenSource.token({ signal })).accessToken;
      }
      // A browser sends its cookies by itself.
      if (!value && kind === "cookie" && inBrowser) continue;
      if (!value) continue next;
      if (guarded && inBrowser && !dangerouslyAllowBrowser) {
        throw new InvalidRequestError(key + " is no secret in a browser: dangerouslyAllowBrowser");
      }
      if (kind === "basic") value = btoa(form(value) + ":" + form(await ask("password")));
      if (kind === "cookie") value = name + "=" + value;
      else if (!name) value = (isBearer ? "Bearer " : "Basic ") + value.replace(/^Bearer /i, "");
      found.push([kind === "header" ? name! : kind === "cookie" ? kind : "authorization", value]);
    }
    for (const pair of found) headers.set(...pair);
    return token;
  }
  if (names.length) throw new InvalidRequestError("no credential: " + names.join(" or "));
  return undefined;
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they meet. */
function form(text: string): string {
  return (new URLSearchParams({ "": text }) + "").slice(1);
}
