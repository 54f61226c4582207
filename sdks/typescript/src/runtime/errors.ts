// Every way a call can fail. Classes of documented error bodies are generated beside these.

import { BRAND, Failure, type ErrorFields } from "./failure.js";

export type { Challenge, ErrorFields } from "./failure.js";

/** The base of all errors, and what tells them apart. Neither text nor JSON has secrets in it. */
export class SDKError extends Failure {
  declare readonly operationId: string;
  declare readonly statusCode?: number;
  declare readonly contentType?: string;
  declare readonly body?: string;
  declare readonly requestId?: string;
  declare readonly retryAfterMs?: number;
  declare readonly attempts?: number;

  constructor(message: string, fields?: ErrorFields) {
    super(new.target.kind, message, fields);
  }

  static readonly kind: string = "SDKError";

  /** Whether `error` is one of this class, also of another copy of this package. */
  static is<C extends abstract new (...args: never[]) => SDKError>(
    this: C,
    error: unknown,
  ): error is InstanceType<C> {
    const failure = error as SDKError | undefined;
    return !!failure?.[BRAND] && (this as unknown as typeof SDKError).has(failure);
  }

  /** What `instanceof` says: the same as `is`. */
  static override [Symbol.hasInstance](error: unknown): boolean {
    return this.is(error);
  }

  protected static has({ name }: SDKError): boolean {
    return this.kind === "SDKError" || this.kind === name;
  }
}

/** An answer that is no success. Fields of its documented body are its own fields. */
export class HTTPError extends SDKError {
  static override readonly kind: string = "HTTPError";
  declare readonly statusCode: number;
  declare readonly headers: Headers;
  declare readonly contentType: string;
  declare readonly body: string;

  protected static override has(error: SDKError): boolean {
    const isAny = this.kind === "HTTPError" && error.name !== "ResponseValidationError";
    return isAny ? error.statusCode !== undefined : super.has(error);
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
