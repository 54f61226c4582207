// What the generator writes of each operation: data, and which parts of ours it needs.

import type { ClientCore } from "./client.js";
import type { ClientOptions, Secret, Security, Token } from "./options.js";

/** A request while it is filled in. */
export interface Draft {
  method: string;
  /** Path and query; the whole address in the end. */
  url: string;
  head: Record<string, string>;
  body?: string;
}

/** Puts what it knows of a request into the draft. */
export type Part = (draft: Draft, request: Record<string, unknown>, op: Operation) => void;

/** What a scheme is asked with, in one attempt. */
export interface Ask {
  core: ClientCore;
  options: ClientOptions;
  security: Security | Secret | undefined;
  /** The token source's token that was used. */
  token?: Token;
  each(hook: "onTokenRefresh", token: Token): Promise<unknown>;
}

/** A way in: the headers that prove the caller, or nothing when there is no credential. */
export type Scheme = (ask: Ask, signal: AbortSignal) => Promise<[string, string][] | undefined>;

/** Names of refusals by status (`"4XX"` is a range), and their content type unless JSON. */
export interface Refusals {
  type?: string;
  [status: number | string]: string | undefined;
}

/** One operation. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  parts?: Part[];
  /** Nothing to prove without it. */
  security?: Scheme;
  /** The status of a success. */
  ok: number;
  /** The content type of a success, unless JSON; `null` has no body. */
  gives?: string | null;
  /** What a success is, beside its body. */
  wrap?: (response: Response, value: unknown) => unknown;
  errors: Refusals;
  /** Never repeated without it. */
  retry?: "safe" | "idempotent";
  /** The content type of the body, unless JSON. */
  sends?: string;
  /** Members whose own keys are data. */
  opaque?: string[];
  /** Names that no rule turns into the wire's. */
  names?: Record<string, string>;
}
