// What the generator writes of each operation: data, no behaviour.

import type { HTTPError } from "./errors.js";

/** Makes an error of an answer. */
export type ErrorClass = new (...args: ConstructorParameters<typeof HTTPError>) => HTTPError;

/** A way in; its `key` is the name of its credential. */
export interface Scheme {
  key: string;
  kind: "bearer" | "basic" | "header" | "cookie";
  /** The header or cookie. */
  name?: string;
  /** Must not be seen in browsers. */
  guarded?: true;
}

/** One operation. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  /** Query parameters by wire name. */
  query?: string[];
  /** Header parameters: our name, the wire's. */
  header?: Record<string, string>;
  /** Whether the request is the body (`true`), or which member of it is. */
  body?: true | string;
  /** The body's content type, unless JSON. */
  sends?: string;
  /** Alternatives, each a list of schemes; an empty one needs nothing. */
  security: Scheme[][];
  /** The status of a success. */
  ok: number;
  /** The content type of a success, unless JSON; `null` has no body. */
  gives?: string | null;
  /** A success has headers that matter. */
  headers?: true;
  /** Classes of refusals: by status, or of problem details. */
  errors: Record<number | string, ErrorClass> | ((status: number) => ErrorClass);
  /** The content type of refusals, unless JSON or problem details. */
  refuses?: string;
  retry: "safe" | "idempotent" | "never";
  /** Takes an idempotency key. */
  keyed?: true;
  /** Members whose own keys are data. */
  opaque?: string[];
  /** Names that no rule turns into the wire's. */
  names?: Record<string, string>;
}
