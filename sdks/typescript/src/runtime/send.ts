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
import type { ErrorClass, Operation } from "./operation.js";
import type { ClientOptions, RequestOptions, Security, Token } from "./options.js";
import type { Meta, Result } from "./result.js";
import { authorize, inBrowser } from "./security.js";
import { address, fromWire, toWire } from "./wire.js";

type Input = Record<string, unknown>;
type Answer = Response & { told: string };

const JSON_TYPE = "application/json";

/** What stays the same over the attempts of a call. */
interface Call {
  core: ClientCore;
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
    call = prepare(core, op, (request ?? {}) as Input, security, given);
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
  core: ClientCore,
  op: Operation,
  request: Input,
  security: Security | undefined,
  given: RequestOptions,
): Call {
  const own = core.options;
  const options: ClientOptions & RequestOptions = { ...own, ...given };
  const signal = options.fetchOptions?.signal;
  const headers: Record<string, string> = { ...own.defaultHeaders, ...given.headers };
  for (const name in op.header) {
    if (request[name] != null) headers[op.header[name]!] = String(request[name]);
  }
  if (op.body) headers["content-type"] = op.sends ?? JSON_TYPE;
  if (op.gives !== null) headers["accept"] = op.gives ?? JSON_TYPE;
  const key = given.idempotencyKey ?? (op.keyed && crypto.randomUUID());
  if (key) headers["idempotency-key"] = key;
  const content = op.body === true ? request : request[op.body!];
  let url: string;
  try {
    url = new URL(address(options.serverURL ?? "", op, request), globalThis.location?.href).href;
  } catch (cause) {
    throw new InvalidRequestError(cause + "", { cause });
  }
  return {
    core,
    op,
    options,
    security: given.security ?? security ?? own.security,
    url,
    body: op.body && JSON.stringify(toWire(content ?? {}, op)),
    headers,
    hooks: [own.hooks ?? []].flat(),
    signal,
    deadline: Date.now() + (options.totalTimeoutMs ?? 60_000),
    attempt: 0,
  };
}

/** Attempts until one counts. */
async function attempts(call: Call): Promise<unknown> {
  const { op, options } = call;
  const config = plan(op, options);
  const budget = Math.min(Date.now() + (config?.backoff?.maxElapsedTime ?? Infinity), call.deadline);
  let renewed = 0;
  for (;;) {
    call.attempt++;
    let used: Token | undefined;
    let error: SDKError;
    let worth: boolean;
    try {
      const response = await attempt(call, (token) => (used = token));
      if (response.status === op.ok) return settle(call, response);
      error = refusal(call, response);
      worth = isWorth(op, options, response);
    } catch (failure) {
      if (!ConnectionError.is(failure) && !RequestTimeoutError.is(failure)) throw failure;
      error = failure;
      worth = config?.retryConnectionErrors ?? true;
    }
    await each(call, "afterError", error);
    // A token that lives but does not reach so far is no reason to get another one.
    const isNarrow = /insufficient_scope/.test(error.headers?.get("www-authenticate") ?? "");
    if (used && !renewed && error.statusCode === 401 && !isNarrow) {
      renewed = 1;
      options.tokenSource!.invalidate(used);
      continue;
    }
    const tried = call.attempt - renewed;
    if (!config || !worth || tried > (config.maxRetries ?? 2)) throw error;
    const wait = delay(config, tried, error.retryAfterMs);
    if (Date.now() + wait > budget) throw error;
    await each(call, "onRetry", error, wait);
    await within(call, Infinity, (signal) => sleep(wait, signal));
  }
}

/** One request and its answer, body included, in the time of one attempt. */
async function attempt(call: Call, use: (token: Token) => void): Promise<Answer> {
  const { op, options } = call;
  const started = Date.now();
  const response = await within(call, options.timeoutMs ?? 30_000, async (signal) => {
    const headers = new Headers(options.fetchOptions?.headers);
    for (const name in call.headers) headers.set(name, call.headers[name]!);
    if (!inBrowser) {
      headers.set("user-agent", (options.userAgent ?? "") + " keyhaven-sdk-typescript");
      if (call.attempt > 1) headers.set("x-retry-count", call.attempt - 1 + "");
    }
    const token = await authorize(op, options, call.security, headers, signal);
    if (token) {
      use(token);
      if (known.get(call.core) !== token) await each(call, "onTokenRefresh", token);
      known.set(call.core, token);
    }
    let request = new Request(call.url, {
      redirect: "manual",
      credentials: "include",
      ...options.fetchOptions,
      method: op.method,
      headers,
      signal,
      body: call.body ?? null,
    });
    request = (await each(call, "beforeRequest", request)) ?? request;
    try {
      const response = await (options.fetch ?? fetch)(request);
      return Object.assign(response, { told: await response.text() });
    } catch (cause) {
      throw new ConnectionError("the connection failed", { cause });
    }
  });
  const { status, headers } = response;
  const requestId = headers.get("x-request-id") ?? undefined;
  const { attempt } = call;
  const ms = Date.now() - started;
  options.logger?.debug(op.method + " " + op.path, { status, ms, attempt, requestId });
  const replay = headers.get("idempotent-replayed");
  call.meta = { status, headers, requestId, attempts: attempt, idempotentReplay: replay === "true" };
  await each(call, "afterResponse", response);
  return response;
}

/** The last token each client used. */
const known = new WeakMap<ClientCore, Token>();

/** Runs `work` until it ends, the caller aborts, or its time is over: whichever comes first. */
function within<T>(call: Call, ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const { signal } = call;
  return new Promise<T>((resolve, reject) => {
    const end = (error: SDKError) => {
      reject(error);
      controller.abort(error);
      done();
    };
    const abort = () => end(new RequestAbortedError("aborted", { cause: signal!.reason }));
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    const left = Math.min(ms, call.deadline - Date.now());
    const timer = setTimeout(() => end(new RequestTimeoutError(`no answer in ${left} ms`)), left);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    else work(controller.signal).then(resolve, reject).finally(done);
  });
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => clearTimeout(timer));
  });
}

/** The value of a success. */
function settle(call: Call, response: Answer): unknown {
  const { op, options } = call;
  let result: unknown;
  if (op.gives !== null) {
    const fields = about(call, response);
    const { contentType } = fields;
    let data: unknown;
    let fault = contentType !== (op.gives ?? JSON_TYPE) && "the answer is " + contentType;
    try {
      data = JSON.parse(response.told);
    } catch {
      fault ||= "the answer is no JSON";
    }
    const validator = options.validate?.find(({ operation }) => operation === op.id);
    fault ||= validator?.check(data) ?? "";
    if (fault) throw new ResponseValidationError(fault, fields);
    result = fromWire(data, op);
  }
  if (!op.headers) return result;
  const headers: Record<string, string[]> = {};
  response.headers.forEach((value, name) => (headers[name] ??= []).push(value));
  return { headers, result };
}

/** The error that a refusal is. */
function refusal(call: Call, response: Answer): SDKError {
  const { op } = call;
  const fields = about(call, response);
  const { status } = response;
  let Class = APIError as ErrorClass;
  let message = "status " + status;
  let expected = op.refuses ?? JSON_TYPE;
  let documented: ErrorClass | undefined;
  if (typeof op.errors === "function") {
    documented = op.errors(status);
    expected = "application/problem+json";
  } else documented = op.errors[status] ?? op.errors[(status + "")[0] + "XX"];
  try {
    if (documented && fields.contentType === expected) {
      const data = (fields.data = fromWire(JSON.parse(response.told), op) as any);
      const inner = data.error;
      message = data.detail ?? data.message ?? inner?.message ?? inner ?? data.errors?.[0]?.detail ?? message;
      Class = documented;
    }
  } catch {
    // What is no JSON after all is an undocumented answer.
  }
  return new Class(message, fields);
}

function about({ op, meta, attempt }: Call, { status, headers, told }: Answer): ErrorFields {
  return {
    operationId: op.id,
    statusCode: status,
    headers,
    contentType: (headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase(),
    body: told,
    requestId: meta!.requestId,
    retryAfterMs: retryAfter(headers),
    attempts: attempt,
  };
}

/** Calls a hook of all; the last request that one gives is the one that goes. */
async function each(call: Call, name: keyof SDKHooks, first: unknown, more?: unknown) {
  let given: Request | undefined;
  const { op, attempt, options } = call;
  for (const hooks of call.hooks) {
    const context: HookContext = { operationId: op.id, attempt, baseURL: options.serverURL!, options };
    const hook = hooks[name] as ((...words: unknown[]) => unknown) | undefined;
    given = ((await hook?.call(hooks, context, given ?? first, more)) as Request) ?? given;
  }
  return given;
}
