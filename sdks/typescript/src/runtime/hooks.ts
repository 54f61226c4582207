// What a caller may do around each attempt. Types only.

import type { SDKError } from "./errors.js";
import type { RequestOptions, Token } from "./options.js";

/** Where a hook is called. */
export interface HookContext {
  operationId: string;
  /** 1 for the first. */
  attempt: number;
  baseURL: string;
  options: RequestOptions;
}

/** Called in order, awaited, for every attempt. One that throws fails the call. */
export interface SDKHooks {
  beforeRequest?(context: HookContext, request: Request): Request | void | Promise<Request | void>;
  afterResponse?(context: HookContext, response: Response): void | Promise<void>;
  afterError?(context: HookContext, error: SDKError): void | Promise<void>;
  onRetry?(context: HookContext, error: SDKError, delayMs: number): void | Promise<void>;
  onTokenRefresh?(context: HookContext, token: Token): void | Promise<void>;
}
