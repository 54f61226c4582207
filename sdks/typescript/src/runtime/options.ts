// What a client and a call can be told. Types only.

import type { SDKHooks } from "./hooks.js";

/** A credential, or how to get it; asked anew for every attempt. */
export type Secret = string | (() => string | Promise<string>);

/** Credentials by the names the operations give them. */
export interface Security {
  /** Any bearer token, for every operation that takes one. */
  bearer?: Secret | undefined;
  /** The id of an OAuth client (HTTP Basic). */
  username?: Secret | undefined;
  /** The secret of an OAuth client (HTTP Basic). */
  password?: Secret | undefined;
  [scheme: string]: Secret | undefined;
}

/** How and whether a call is repeated. The names are those of other SDKs of this style. */
export type RetryConfig =
  | { strategy: "none" }
  | {
      strategy: "backoff";
      backoff?: {
        initialInterval?: number;
        maxInterval?: number;
        exponent?: number;
        maxElapsedTime?: number;
      };
      maxRetries?: number;
      retryConnectionErrors?: boolean;
    };

/** A token, and how long it lives. */
export interface Token {
  accessToken: string;
  /** `Bearer` unless the token is bound to a key. */
  tokenType?: string | undefined;
  /** Milliseconds since 1970. */
  expiresAt?: number | undefined;
  scope?: string | undefined;
  refreshToken?: string | undefined;
  idToken?: string | undefined;
}

/** Where bearer tokens come from. */
export interface TokenSource {
  token(ask: { scopes?: string[]; resource?: string; signal?: AbortSignal }): Promise<Token>;
  /** Forgets this very token; a newer one stays. */
  invalidate(token: Token): void;
}

/** Where lines about requests go. `console` is one. */
export interface Logger {
  debug(message: string, fields?: object): void;
}

/** Looks at a parsed answer and says what is wrong with it; see `<pkg>/validators/`. */
export type Validator = { operation: string; check(value: unknown): string | undefined };

/** What a single call can be told. */
export interface RequestOptions {
  /** Everything of `RequestInit` but method and body; `signal` ends the call. */
  fetchOptions?: Omit<RequestInit, "method" | "body"> | undefined;
  retries?: RetryConfig | undefined;
  /** Statuses worth repeating: `"429"`, `"5XX"`. */
  retryCodes?: string[] | undefined;
  /** Of one attempt, reading the body included. 30 s unless said otherwise. */
  timeoutMs?: number | undefined;
  /** Of the whole call, waiting included. 60 s unless said otherwise. */
  totalTimeoutMs?: number | undefined;
  serverURL?: string | undefined;
  /** Takes the place of the client's and the operation's security. */
  security?: Security | Secret | undefined;
  idempotencyKey?: string | undefined;
  headers?: Record<string, string> | undefined;
}

/** What a client can be told; its requests inherit it. */
export interface ClientOptions extends Omit<RequestOptions, "idempotencyKey" | "headers"> {
  defaultHeaders?: Record<string, string> | undefined;
  fetch?: typeof fetch | undefined;
  hooks?: SDKHooks | SDKHooks[] | undefined;
  tokenSource?: TokenSource | undefined;
  logger?: Logger | undefined;
  /** Put before our own; browsers keep theirs. */
  userAgent?: string | undefined;
  /** Checks of answers, from `<pkg>/validators/`. */
  validate?: Validator[] | undefined;
  /** Lets client secrets and API keys into a browser, where everybody can read them. */
  dangerouslyAllowBrowser?: boolean | undefined;
}
