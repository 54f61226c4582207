// Every way a call can fail. Classes of documented error bodies are generated beside these.

const BRAND: unique symbol = Symbol.for("@keyhaven/sdk error") as never;

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
      const value = fields[name as keyof ErrorFields];
      // Only what may be printed is enumerable: no body, no headers, nothing parsed.
      const enumerable = name !== "body" && typeof value !== "object";
      Object.defineProperty(this, name, { value, enumerable, configurable: true, writable: true });
    }
  }

  static readonly kind: string = "SDKError";
  static readonly [BRAND] = 1;

  /** Whether `error` is one of this class, also of another copy of this package. */
  static is<C extends abstract new (...args: never[]) => SDKError>(
    this: C,
    error: unknown,
  ): error is InstanceType<C> {
    const { kind } = this as unknown as Kind;
    let type = (error as object | undefined)?.constructor as Kind | undefined;
    while (type?.[BRAND] && type.kind !== kind) type = Object.getPrototypeOf(type) as Kind;
    return !!type?.[BRAND];
  }

  /** The class, whatever a minifier made of its own name. */
  override get name(): string {
    return (this.constructor as unknown as Kind).kind;
  }

  /** What `WWW-Authenticate` asks for. */
  get challenges(): Challenge[] {
    const list: Challenge[] = [];
    const text = this.headers?.get("www-authenticate") ?? "";
    for (const [, word, value] of text.matchAll(/([\w-]+)(?:\s*=\s*("(?:\\.|[^"])*"|[^\s,]+))?/g)) {
      if (!value) list.push({ scheme: word!, params: {} });
      else list.at(-1)!.params[word!] = value.replace(/^"|\\(?=.)|"$/g, "");
    }
    return list;
  }

  toJSON(): object {
    const { name, message } = this;
    return { ...this, name, message };
  }
}

interface Kind {
  readonly kind: string;
  readonly [BRAND]?: number;
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
