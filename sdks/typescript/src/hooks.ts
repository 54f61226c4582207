// Hooks, and one that shows whole exchanges without their secrets.

import type { SDKHooks } from "./runtime/hooks.js";
import { SECRETS } from "./runtime/secrets.js";

export type { HookContext, SDKHooks } from "./runtime/hooks.js";

/** Parameters of OAuth that must not be shown, whatever the document says. */
const OAUTH = [
  "client_secret",
  "code",
  "code_verifier",
  "refresh_token",
  "access_token",
  "id_token",
  "assertion",
  "client_assertion",
  "subject_token",
  "actor_token",
  "password",
  "device_code",
];

// A path, in which somebody may have put a secret.
const INSTANCE = "instance";

const HIDDEN = new Set([...OAUTH, ...SECRETS, INSTANCE].map((name) => name.toLowerCase()));
const SHOWN = /^(accept|content-(type|length)|idempotency-key|retry-after|user-agent|x-re(quest-id|try-count))$/;

/** Prints requests and answers, headers by an allow list, bodies if told to, and never a secret. */
export function debugHooks(
  print: (line: string) => void,
  { bodies = false }: { bodies?: boolean } = {},
): SDKHooks {
  const body = async (message: Request | Response) => {
    if (!bodies || message.bodyUsed) return "";
    const text = await message.clone().text();
    return text && "\n" + masked(text);
  };
  return {
    async beforeRequest({ attempt, operationId }, request) {
      // Not the path, in which somebody may have put a secret.
      const { origin } = new URL(request.url);
      print(`→ ${operationId} #${attempt} ${request.method} ${origin}${shown(request.headers)}${await body(request)}`);
    },
    async afterResponse({ attempt, operationId }, response) {
      const { told } = response as { told?: string };
      const text = bodies && told ? "\n" + masked(told) : "";
      print(`← ${operationId} #${attempt} ${response.status}${shown(response.headers)}${text}`);
    },
  };
}

function shown(headers: Headers): string {
  let text = "";
  headers.forEach((value, name) => {
    if (SHOWN.test(name)) text += `\n  ${name}: ${value}`;
  });
  return text;
}

/** A body whose secrets are replaced; one that is no JSON is not shown. */
export function masked(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), (name, value: unknown) =>
      HIDDEN.has(name.toLowerCase()) && typeof value === "string" ? "[redacted]" : value,
    );
  } catch {
    return "[no JSON]";
  }
}
