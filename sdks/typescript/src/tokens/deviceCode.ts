// Signing in on another device (RFC 8628).

import type { Token } from "../runtime/options.js";
import { Failure } from "../runtime/failure.js";
import { post, type Endpoint } from "./endpoint.js";
import { askOnce } from "./once.js";

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
  const { signal, scope, serverURL = "" } = options;
  const url = options.deviceURL ?? serverURL.replace(/\/+$/, "") + "/oauth2/device_authorization";
  const begun = await post<Begun>(options, { client_id: options.clientId, scope }, signal, url);
  const { deviceCode, userCode, verificationUri, verificationUriComplete, expiresIn } = begun;
  const expiresAt = Date.now() + expiresIn * 1000;
  await options.prompt({
    userCode,
    verificationUri,
    ...(verificationUriComplete && { verificationUriComplete }),
    expiresAt,
  });
  let interval = (begun.interval ?? 5) * 1000;
  for (;;) {
    await wait(interval, signal);
    try {
      return await askOnce(options, { grant_type: GRANT, device_code: deviceCode }, signal);
    } catch (error) {
      const { error: code } = error as { error?: string };
      if (code === "slow_down") interval += 5000;
      else if (code !== "authorization_pending") throw error;
    }
  }
}

const GRANT = "urn:ietf:params:oauth:grant-type:device_code";

interface Begun {
  deviceCode: string;
  userCode: string;
  verificationUri: string;
  verificationUriComplete?: string;
  expiresIn: number;
  interval?: number;
}

function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(new Failure("RequestAbortedError", "aborted", { cause: signal!.reason }));
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
