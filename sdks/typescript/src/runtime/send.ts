// One call: attempts, waiting, credentials, hooks, and what came back.

import { retryAfter } from "./backoff.js";
import type { ClientCore } from "./client.js";
import { BRAND, Failure } from "./failure.js";
import type { HookContext, SDKHooks } from "./hooks.js";
import type { Ask, Draft, Operation } from "./operation.js";
import type { ClientOptions, RequestOptions, RetryConfig, Security } from "./options.js";
import type { Meta, Result } from "./result.js";
import { inBrowser } from "./environment.js";
import { camel, renamed } from "./wire.js";

type Backoff = Extract<RetryConfig, { strategy: "backoff" }>;

/**
 * Performs `op`. Never throws: what went wrong is in the result.
 *
 * One long function on purpose: its parts share a dozen values, and what would be handed from one
 * to another by name is weighed in every page that calls us.
 */
export async function send<T, E>(
  core: ClientCore,
  op: Operation,
  request: object = {},
  own?: Security,
  given: RequestOptions = {},
): Promise<Result<T, E>> {
  const operationId = op.id;
  const options: ClientOptions & RequestOptions = { ...core.options, ...given };
  const { fetchOptions, retryCodes, serverURL = "" } = options;
  const caller = fetchOptions?.signal;
  const config = (options.retries ?? {}) as Partial<Backoff>;
  const { initialInterval = 500, exponent = 2, maxInterval = 8000, maxElapsedTime = Infinity } =
    config.backoff ?? {};
  const began = Date.now();
  const deadline = began + (options.totalTimeoutMs ?? 60_000);
  let attempt = 0;
  let renewals = 0;
  let meta!: Meta;

  /** Calls a hook of all; the last request that one gives is the one that goes. */
  const each = async <V>(name: keyof SDKHooks, first: V, more?: number): Promise<V> => {
    for (const hooks of [options.hooks ?? []].flat()) {
      const context: HookContext = { operationId, attempt, baseURL: serverURL, options };
      const hook = hooks[name] as ((...words: unknown[]) => unknown) | undefined;
      first = ((await hook?.call(hooks, context, first, more)) as V) ?? first;
    }
    return first;
  };

  /** Runs `work` until it ends, the caller aborts, or its time is over. No work: just waits. */
  const within = <V>(ms: number, work?: (signal: AbortSignal) => Promise<V>): Promise<V> => {
    const controller = new AbortController();
    let abort!: () => void;
    let timer: ReturnType<typeof setTimeout>;
    return new Promise<V>((resolve, reject) => {
      const end = (name: string, message: string) => {
        const failure = new Failure(name, message, { cause: caller?.reason });
        reject(failure);
        controller.abort(failure);
      };
      abort = () => end("RequestAbortedError", "aborted");
      const late = () => end("RequestTimeoutError", "no answer in time");
      timer = setTimeout(work ? late : (resolve as () => void), ms);
      caller?.addEventListener("abort", abort);
      if (caller?.aborted) abort();
      else work?.(controller.signal).then(resolve, reject);
    }).finally(() => {
      clearTimeout(timer);
      caller?.removeEventListener("abort", abort);
    });
  };

  /** One request and its answer, body included, in the time of one attempt; the answer's value. */
  const exchange = async (draft: Draft, ask: Ask): Promise<unknown> => {
    const started = Date.now();
    const limit = Math.min(options.timeoutMs ?? 30_000, deadline - started);
    const response = await within(limit, async (signal) => {
      const init = { redirect: "manual", credentials: "include" } as const;
      const made = new Request(draft.url, { ...init, ...fetchOptions, ...draft, signal });
      const { headers } = made;
      const pairs = op.security ? await op.security(ask, signal) : [];
      if (!pairs) throw new Failure("InvalidRequestError", "no credential");
      for (const pair of [...Object.entries(draft.head), ...pairs]) headers.set(...pair);
      if (!inBrowser) {
        headers.set("user-agent", (options.userAgent ?? "") + " keyhaven-sdk-typescript");
        if (attempt > 1) headers.set("x-retry-count", attempt - 1 + "");
      }
      const sent = await each("beforeRequest", made);
      try {
        const response = await (options.fetch ?? fetch)(sent);
        return Object.assign(response, { told: await response.text() });
      } catch (cause) {
        throw new Failure("ConnectionError", "connection failed", { cause });
      }
    });
    const { status, headers, told } = response;
    const requestId = headers.get("x-request-id") ?? undefined;
    const idempotentReplay = headers.get("idempotent-replayed") === "true";
    meta = { status, headers, requestId, attempts: attempt, idempotentReplay };
    const ms = Date.now() - started;
    options.logger?.debug(op.method + " " + op.path, { status, ms, attempt, requestId });
    await each("afterResponse", response);

    const isGood = status === op.ok;
    const contentType = headers.get("content-type")?.split(/[; ]/)[0]!.toLowerCase() ?? "";
    const expected = (isGood ? op.gives : op.errors.type) ?? "application/json";
    let fault: string | undefined;
    let data: any;
    if (!isGood || op.gives !== null) {
      try {
        data = JSON.parse(told);
      } catch {
        fault = "no JSON";
      }
      if (contentType !== expected) fault = "not " + expected;
      if (isGood) fault ??= options.validate?.find((one) => one.operation === op.id)?.check(data);
      data = fault ? undefined : renamed(data, camel, op.opaque);
    }
    if (isGood && !fault) return op.wrap ? op.wrap(response, data) : data;
    const name = op.errors[status] ?? op.errors[(status + "")[0] + "XX"];
    const { detail, message, error, errors } = data ?? {};
    throw new Failure(
      isGood ? "ResponseValidationError" : (!fault && name) || "APIError",
      (isGood && fault) ||
        (detail ?? message ?? error?.message ?? error ?? errors?.[0]?.detail ?? "status " + status),
      {
        operationId,
        statusCode: status,
        headers,
        contentType,
        body: told,
        data,
        requestId,
        retryAfterMs: retryAfter(headers),
        attempts: attempt,
      },
    );
  };

  try {
    const head: Record<string, string> = { ...core.options.defaultHeaders, ...given.headers };
    if (given.idempotencyKey) head["idempotency-key"] = given.idempotencyKey;
    if (op.gives !== null) head["accept"] = op.gives ?? "application/json";
    const draft: Draft = { method: op.method, url: op.path, head };
    for (const part of op.parts ?? []) part(draft, request as Record<string, unknown>, op);
    try {
      draft.url = new URL(serverURL.replace(/\/+$/, "") + draft.url, globalThis.location?.href).href;
    } catch (cause) {
      throw new Failure("InvalidRequestError", cause as string, { cause });
    }
    for (;;) {
      attempt++;
      const security = given.security ?? own ?? options.security;
      const ask: Ask = { core, options, security, each };
      try {
        return { ok: true, value: (await exchange(draft, ask)) as T, meta };
      } catch (error: any) {
        const isLost = /^(ConnectionE|RequestT)/.test(error?.name);
        if (!error?.[BRAND] || !(isLost || error.statusCode)) throw error;
        await each("afterError", error);
        // A token that lives but does not reach so far is no reason to get another one.
        if (
          ask.token &&
          !renewals &&
          error.statusCode === 401 &&
          !/insufficient_scope/.test(error.headers.get("www-authenticate"))
        ) {
          renewals = 1;
          options.tokenSource!.invalidate(ask.token);
          continue;
        }
        const tried = attempt - renewals;
        const most = config.strategy === ("none" as string) ? 0 : (config.maxRetries ?? 2);
        if (!op.retry || tried > most) throw error;
        // The server's own word wins.
        const usual = `408|42[59]|50[${op.retry === "safe" ? 0 : 2}234]`;
        const codes = retryCodes?.join("|").replace(/x/gi, ".") ?? usual;
        const worth =
          error.headers?.get("x-should-retry") ?? RegExp(`^(${codes})$`).test(error.statusCode) + "";
        if (isLost ? config.retryConnectionErrors === false : worth !== "true") throw error;
        // Full jitter: anywhere between nothing and a bound that doubles, but never less than told.
        const bound = Math.min(initialInterval * exponent ** (tried - 1), maxInterval);
        const wait = Math.max(Math.random() * bound, error.retryAfterMs ?? 0);
        if (Date.now() + wait > Math.min(began + maxElapsedTime, deadline)) throw error;
        await each("onRetry", error, wait);
        await within(wait);
      }
    }
  } catch (cause: any) {
    const error = cause?.[BRAND]
      ? cause
      : new Failure("UnexpectedClientError", cause?.message ?? cause, { cause });
    if (!error.operationId) Object.assign(error, { operationId, attempts: attempt });
    return { ok: false, error, meta };
  }
}
