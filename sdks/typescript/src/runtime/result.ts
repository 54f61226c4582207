// What a standalone function answers with.

/** About the exchange that gave a result. */
export interface Meta {
  status: number;
  headers: Headers;
  requestId: string | undefined;
  attempts: number;
  /** The server repeated an earlier answer to the same idempotency key. */
  idempotentReplay: boolean;
}

/** A value, or why there is none. */
export type Result<T, E> =
  | { ok: true; value: T; meta: Meta; error?: never }
  | { ok: false; error: E; meta?: Meta | undefined; value?: never };

/** The value; throws the error. */
export function unwrap<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw result.error;
  return result.value;
}

/** The value of a result to come; throws its error. */
export async function unwrapAsync<T, E>(result: Promise<Result<T, E>>): Promise<T> {
  return unwrap(await result);
}

/** A value whose headers matter, by lower-case name. */
export interface WithHeaders<T> {
  headers: Record<string, string[]>;
  result: T;
}
