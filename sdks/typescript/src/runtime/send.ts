// One call: attempts, waiting, credentials, hooks, and what came back.

import { delay, isWorth, plan, retryAfter } from "./backoff.js";
import { ClientCore } from "./client.js";
import {
  APIError,
  ConnectionError,
  InvalidRequestError,
  RequestAbortedError,
  RequestTimeoutError,
  ResponseValidationError,
  SDKError,
  UnexpectedClientError,
  type ErrorFields,
} from "./errors.js";
import type { HookContext, SDKHooks } from "./hooks.js";
import type { Operation } from "./operation.js";
import type { ClientOptions, RequestOptions, Security, Token } from "./options.js";
import type { Meta, Result } from "./result.js";
import { authorize, inBrowser } from "./security.js";
import { address, fromWire, toWire } from "./wire.js";

type Input = Record<string, unknown>;

/** What stays the same over the attempts of a call. */
interface Call {
  op: Operation;
  options: ClientOptions & RequestOptions;
  security: RequestOptions["security"];
  url: string;
  body: string | undefined;
  headers: Record<string, string>;
  hooks: SDKHooks[];
  signal: AbortSignal | null | undefined;
  deadline: number;
  attempt: number;
  meta?: Meta;
}

/** Performs `op`. Never throws: what went wrong is in the result. */
export async function send<T, E>(
  core: ClientCore,
  op: Operation,
  request?: object,
  security?: Security,
  given: RequestOptions = {},
): Promise<Result<T, E>> {
  let call: Call | undefined;
  try {
    call = prepare(core.options, op, (request ?? {}) as Input, security, given);
    return { ok: true, value: (await attempts(call)) as T, meta: call.meta! };
  } catch (error) {
    const told = SDKError.is(error)
      ? error
      : new UnexpectedClientError(String((error as Error)?.message ?? error), { cause: error });
    if (!told.operationId) Object.assign(told, { operationId: op.id, attempts: call?.attempt ?? 0 });
    return { ok: false, error: told as E, meta: call?.meta };
  }
}

function prepare(
  own: ClientOptions,
  op: Operation,
  request: Input,
  security: Security | undefined,
  given: RequestOptions,
): Call {
  const options: ClientOptions & RequestOptions = { ...own };
  for (const name in given) {
    const value = given[name as keyof RequestOptions];
    if (value !== undefined) Object.assign(options, { [name]: value });
  }
  const signal = options.fetchOptions?.signal;
  if (signal?.aborted) throw new RequestAbortedError("aborted", { cause: signal.reason });
  const headers: Record<string, string> = { ...own.defaultHeaders, ...given.headers };
  for (const name in op.header) {
    if (request[name] != null) headers[op.header[name]!] = String(request[name]);
  }
  const content = op.body === true ? request : op.body && request[op.body];
  if (op.body) headers["content-type"] = op.sends ?? "application/json";
  if (op.gives !== null) headers["accept"] = op.gives ?? "application/json";
  const key = given.idempotencyKey ?? (op.keyed && crypto.randomUUID());
  if (key) headers["idempotency-key"] = key;
  let url: string;
  try {
    url = address(options.serverURL ?? "", op, request);
    new URL(url, inBrowser ? location.href : undefined);
  } catch (cause) {
    const text = typeof cause === "string" ? cause : `serverURL is no URL: ${options.serverURL}`;
    throw new InvalidRequestError(text, { cause });
  }
  return {
    op,
    options,
    security: given.security ?? security ?? own.security,
    url,
    body: op.body && JSON.stringify(toWire(content ?? {}, op.opaque, op.names)),
    headers,
    hooks: own.hooks ? [own.hooks].flat() : [],
    signal,
    deadline: Date.now() + (options.totalTimeoutMs ?? 60_000),
    attempt: 0,
  };
}

/** Attempts until one counts. */
async function attempts(call: Call): Promise<unknown> {
  const config = plan(call.op, call.options);
  const budget = Math.min(Date.now() + (config?.backoff?.maxElapsedTime ?? Infinity), call.deadline);
  let renewed = false;
  for (;;) {
    call.attempt++;
    const used: { token?: Token } = {};
    let error: SDKError;
    let worth: boolean;
    try {
      const response = await attempt(call, used);
      if (response.status === call.op.ok) return await settle(call, response);
      error = await refusal(call, response);
      worth = isWorth(call.op, call.options, response);
    } catch (failure) {
      if (!ConnectionError.is(failure) && !RequestTimeoutError.is(failure)) throw failure;
      error = failure;
      worth = config?.retryConnectionErrors ?? true;
    }
    await each(call, "afterError", error);
    if (used.token && !renewed && error.statusCode === 401 && !isNarrow(error)) {
      renewed = true;
      call.options.tokenSource!.invalidate(used.token);
      continue;
    }
    const wait = config && delay(config, call.attempt - +renewed, error.retryAfterMs);
    const left = call.attempt - +renewed <= (config?.maxRetries ?? 2);
    if (!worth || wait === undefined || !left || Date.now() + wait > budget) throw error;
    await each(call, "onRetry", error, wait);
    await within(call, Infinity, (signal) => sleep(wait, signal));
  }
}

/** A token that lives but does not reach so far is no reason to get another one. */
function isNarrow(error: SDKError): boolean {
  return error.challenges.some(({ params }) => params["error"] === "insufficient_scope");
}

/** One request and its answer, body included, in the time of one attempt. */
async function attempt(call: Call, used: { token?: Token }): Promise<Response & { told?: string }> {
  const { op, options } = call;
  const started = Date.now();
  const response = await within(call, options.timeoutMs ?? 30_000, async (signal) => {
    const headers = new Headers(options.fetchOptions?.headers);
    for (const name in call.headers) headers.set(name, call.headers[name]!);
    if (!inBrowser) {
      headers.set("user-agent", [options.userAgent, "keyhaven-sdk-typescript"].filter(Boolean).join(" "));
      if (call.attempt > 1) headers.set("x-retry-count", String(call.attempt - 1));
    }
    const token = await authorize(op, options, call.security, headers, signal);
    if (token) {
      used.token = token;
      await each(call, "onTokenRefresh", token);
    }
    let request = new Request(call.url, {
      redirect: "manual",
      ...(inBrowser && { credentials: "include" }),
      ...options.fetchOptions,
      method: op.method,
      headers,
      signal,
      ...(call.body !== undefined && { body: call.body }),
    });
    request = (await each(call, "beforeRequest", request)) ?? request;
    try {
      const response = await (options.fetch ?? fetch)(request);
      const told = await response.text();
      return Object.assign(response, { told });
    } catch (cause) {
      throw new ConnectionError("the connection failed", { cause });
    }
  });
  const requestId = response.headers.get("x-request-id") ?? undefined;
  const ms = Date.now() - started;
  const status = response.status;
  options.logger?.debug(`${op.method} ${op.path} ${status}`, { ms, attempt: call.attempt, requestId });
  const replay = /^true$/i;
  call.meta = {
    status,
    headers: response.headers,
    requestId,
    attempts: call.attempt,
    idempotentReplay:
      replay.test(response.headers.get("idempotent-replayed") ?? "") ||
      replay.test(response.headers.get("idempotency-replayed") ?? ""),
  };
  await each(call, "afterResponse", response);
  return response;
}

/** Runs `work` until it ends, the caller aborts, or its time is over: whichever comes first. */
async function within<T>(
  call: Call,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = call;
  return new Promise<T>((resolve, reject) => {
    const end = (error: SDKError) => {
      reject(error);
      controller.abort(error);
    };
    const onAbort = () => end(new RequestAbortedError("aborted", { cause: signal!.reason }));
    const left = Math.min(ms, call.deadline - Date.now(), 2 ** 31 - 1);
    const timer = setTimeout(() => end(new RequestTimeoutError(`no answer in ${left} ms`)), left);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    work(controller.signal)
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      });
  });
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => clearTimeout(timer));
  });
}

/** The value of a success. */
async function settle(call: Call, response: Response & { told?: string }): Promise<unknown> {
  const { op, options } = call;
  let result: unknown;
  if (op.gives !== null) {
    const type = mediaType(response);
    const fields = about(call, response);
    if (type !== (op.gives ?? "application/json")) {
      throw new ResponseValidationError(`the answer is ${type || "of no type"}`, fields);
    }
    let data: unknown;
    try {
      data = JSON.parse(response.told!);
    } catch (cause) {
      throw new ResponseValidationError("the answer is no JSON", { ...fields, cause });
    }
    const validator = options.validate?.find(({ operation }) => operation === op.id);
    const fault = validator?.check(data);
    if (fault) throw new ResponseValidationError(fault, fields);
    result = fromWire(data, op.opaque);
  }
  return op.headers ? { headers: lists(response.headers), result } : result;
}

function lists(headers: Headers): Record<string, string[]> {
  const all: Record<string, string[]> = {};
  headers.forEach((value, name) => (all[name] ??= []).push(value));
  return all;
}

/** The error that a refusal is. */
async function refusal(call: Call, response: Response & { told?: string }): Promise<SDKError> {
  const { op } = call;
  const fields = about(call, response);
  const isProblem = typeof op.errors === "function";
  const expected = isProblem ? "application/problem+json" : (op.refuses ?? "application/json");
  const { status } = response;
  const Class =
    typeof op.errors === "function"
      ? op.errors(status)
      : (op.errors[status] ?? op.errors[String(status)[0] + "XX"]);
  if (fields.contentType === expected && Class) {
    try {
      fields.data = fromWire(JSON.parse(response.told!));
      return new Class(say(fields.data) ?? `status ${status}`, fields);
    } catch {
      // What is no JSON after all is an undocumented answer.
    }
  }
  return new APIError(`status ${status}`, fields);
}

/** The sentence in a documented error body. */
function say(data: unknown): string | undefined {
  const body = data as Record<string, any> | null;
  const inner = body?.["error"];
  const text =
    body?.["detail"] ??
    body?.["message"] ??
    body?.["errorDescription"] ??
    inner?.message ??
    inner ??
    body?.["errors"]?.[0]?.detail;
  return typeof text === "string" ? text : undefined;
}

function about(call: Call, response: Response & { told?: string }): ErrorFields {
  return {
    operationId: call.op.id,
    statusCode: response.status,
    headers: response.headers,
    contentType: mediaType(response),
    body: response.told!,
    requestId: call.meta?.requestId,
    retryAfterMs: retryAfter(response.headers),
    attempts: call.attempt,
  };
}

function mediaType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

/** Calls a hook of all; the last request that one gives is the one that goes. */
async function each(call: Call, name: keyof SDKHooks, ...words: unknown[]): Promise<Request | undefined> {
  let request: Request | undefined;
  const { op, attempt, options } = call;
  for (const hooks of call.hooks) {
    const context: HookContext = { operationId: op.id, attempt, baseURL: options.serverURL!, options };
    const hook = hooks[name] as ((...words: unknown[]) => unknown) | undefined;
    const given = await hook?.call(hooks, context, ...(request ? [request] : words));
    if (given) request = given as Request;
  }
  return request;
}
