// Signing in on another device (RFC 8628).

import type { Token } from "../runtime/options.js";
import { ConnectionError, RequestAbortedError } from "../runtime/errors.js";
import { ask, scopes, type Endpoint } from "./endpoint.js";
import { OAuthError } from "./errors.js";

/** What the person has to do. */
export interface DevicePrompt {
  userCode: string;
  verificationUri: string;
  verificationUriComplete?: string;
  expiresAt: number;
}

/** Shows a prompt and waits until the person has answered. Keep it fresh with `refreshToken`. */
export async function deviceCode(
  options: Endpoint & {
    deviceURL?: string;
    prompt: (prompt: DevicePrompt) => void | Promise<void>;
    signal?: AbortSignal;
  },
): Promise<Token> {
  const { signal } = options;
  const started = await begin(options);
  await options.prompt({
    userCode: started["user_code"],
    verificationUri: started["verification_uri"],
    verificationUriComplete: started["verification_uri_complete"],
    expiresAt: Date.now() + started["expires_in"] * 1000,
  });
  let interval = (started["interval"] ?? 5) * 1000;
  for (;;) {
    await wait(interval, signal);
    try {
      return await ask(
        options,
        {
          grant_type: "urn:ietf:params:oauth:grant-type:device_code",
          device_code: started["device_code"],
        },
        signal,
      );
    } catch (error) {
      if (!OAuthError.is(error)) throw error;
      if (error.error === "slow_down") interval += 5000;
      else if (error.error !== "authorization_pending") throw error;
    }
  }
}

async function begin(options: Endpoint & { deviceURL?: string; signal?: AbortSignal }) {
  const url =
    options.deviceURL ?? (options.serverURL ?? "").replace(/\/+$/, "") + "/oauth2/device_authorization";
  const body = new URLSearchParams({ client_id: options.clientId });
  const scope = scopes(options.scope);
  if (scope) body.set("scope", scope);
  const response = await (options.fetch ?? fetch)(url, {
    method: "POST",
    body,
    ...(options.signal && { signal: options.signal }),
  });
  const answer = (await response.json()) as Record<string, any>;
  if (typeof answer["device_code"] === "string") return answer;
  if (typeof answer["error"] === "string") {
    throw new OAuthError(answer["error"], { statusCode: response.status, data: { error: answer["error"] } });
  }
  throw new ConnectionError("the device endpoint gave no code");
}

function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(new RequestAbortedError("aborted", { cause: signal!.reason }));
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
