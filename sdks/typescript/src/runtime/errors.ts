// Every way a call can fail. Classes of documented error bodies are generated beside these.

const BRAND = Symbol.for("@keyhaven/sdk error");

/** What is known of a failure. */
export interface ErrorFields {
  operationId?: string;
  statusCode?: number;
  headers?: Headers;
  contentType?: string;
  body?: string;
  data?: unknown;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
  attempts?: number;
  cause?: unknown;
}

/** A scheme of `WWW-Authenticate` and what it says. */
export interface Challenge {
  scheme: string;
  params: Record<string, string>;
}

/** The base of all errors. Neither its text nor its JSON has bodies, headers or secrets in it. */
export class SDKError extends Error {
  declare readonly operationId: string;
  declare readonly statusCode?: number;
  declare readonly headers?: Headers;
  declare readonly contentType?: string;
  declare readonly body?: string;
  declare readonly data?: unknown;
  declare readonly requestId?: string;
  declare readonly retryAfterMs?: number;
  declare readonly attempts?: number;

  constructor(message: string, fields: ErrorFields = {}) {
    super(message);
    for (const name in fields) {
      const enumerable = !/^(body|data|headers|cause)$/.test(name);
      const value = fields[name as keyof ErrorFields];
      Object.defineProperty(this, name, { value, enumerable, configurable: true, writable: true });
    }
    Object.defineProperty(this, BRAND, { value: kinds(new.target) });
    Object.defineProperty(this, "name", { value: new.target.name });
  }

  /** Whether `error` is one of this class, also of another copy of this package. */
  static is<C extends abstract new (...args: never[]) => SDKError>(
    this: C,
    error: unknown,
  ): error is InstanceType<C> {
    const known = (error as { [BRAND]?: string[] } | undefined)?.[BRAND];
    return !!known && known.includes((this as unknown as { kind: string }).kind);
  }

  static readonly kind: string = "SDKError";

  /** What `WWW-Authenticate` asks for. */
  get challenges(): Challenge[] {
    return parseChallenges(this.headers?.get("www-authenticate") ?? "");
  }

  toJSON(): object {
    const { name, message, operationId, statusCode, requestId, retryAfterMs, attempts } = this;
    return { name, message, operationId, statusCode, requestId, retryAfterMs, attempts };
  }
}

/** The kinds of a class and of all it extends: minifiers rename classes, not these. */
function kinds(type: Function): string[] {
  const list: string[] = [];
  for (; type !== Error; type = Object.getPrototypeOf(type) as Function) {
    list.push((type as unknown as { kind: string }).kind);
  }
  return list;
}

function parseChallenges(text: string): Challenge[] {
  const list: Challenge[] = [];
  for (const [, scheme, name, quoted, plain] of text.matchAll(
    /(?:^|[\s,])([\w-]+)(?=\s+[\w-]+\s*=|\s*(?:,|$))(?!\s*=)|([\w-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,"]+))/g,
  )) {
    if (scheme) list.push({ scheme, params: {} });
    else if (name) {
      const value = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
      const last = list[list.length - 1];
      if (last) last.params[name.toLowerCase()] = value;
    }
  }
  return list;
}

/** An answer that is no success. Fields of its documented body are its own fields. */
export class HTTPError extends SDKError {
  static override readonly kind: string = "HTTPError";
  declare readonly statusCode: number;
  declare readonly headers: Headers;
  declare readonly contentType: string;
  declare readonly body: string;

  constructor(message: string, fields: ErrorFields = {}) {
    super(message, fields);
    const data = fields.data as Record<string, unknown> | undefined;
    for (const name in data) if (!(name in this)) (this as Record<string, unknown>)[name] = data[name];
  }
}

/** Any status or content type that is not documented. */
export class APIError extends HTTPError {
  static override readonly kind: string = "APIError";
}

/** No usable response: the connection failed. */
export class ConnectionError extends SDKError {
  static override readonly kind: string = "ConnectionError";
}

/** No usable response in time. */
export class RequestTimeoutError extends SDKError {
  static override readonly kind: string = "RequestTimeoutError";
}

/** The caller ended the call. */
export class RequestAbortedError extends SDKError {
  static override readonly kind: string = "RequestAbortedError";
}

/** The call cannot be sent as it is. Nothing was sent. */
export class InvalidRequestError extends SDKError {
  static override readonly kind: string = "InvalidRequestError";
}

/** A success whose body is not what is documented. */
export class ResponseValidationError extends SDKError {
  static override readonly kind: string = "ResponseValidationError";
}

/** Something of the caller's failed: a hook, a token source, a credential's function. */
export class UnexpectedClientError extends SDKError {
  static override readonly kind: string = "UnexpectedClientError";
}

/** The errors that every operation can end with. */
export type ClientError =
  | APIError
  | ConnectionError
  | RequestTimeoutError
  | RequestAbortedError
  | InvalidRequestError
  | ResponseValidationError
  | UnexpectedClientError;
