// Options of hooks: TanStack's without key and function, and ours of a request.

import type {
  QueryClient,
  UseMutationOptions,
  UseQueryOptions,
  UseSuspenseQueryOptions,
} from "@tanstack/react-query";
import type { RequestOptions } from "../runtime/options.js";

export type QueryHookOptions<Data, Failure> = RequestOptions &
  Omit<UseQueryOptions<Data, Failure>, "queryKey" | "queryFn">;

export type SuspenseQueryHookOptions<Data, Failure> = RequestOptions &
  Omit<UseSuspenseQueryOptions<Data, Failure>, "queryKey" | "queryFn">;

export type MutationHookOptions<Data, Failure, Variables> = Omit<
  UseMutationOptions<Data, Failure, Variables>,
  "mutationKey" | "mutationFn"
> & {
  /** Of every request of this mutation. */
  options?: RequestOptions | undefined;
  /** `false` leaves queries alone that the mutation makes stale. */
  invalidate?: boolean | undefined;
};

const OURS = [
  "fetchOptions",
  "retries",
  "retryCodes",
  "timeoutMs",
  "totalTimeoutMs",
  "serverURL",
  "security",
  "idempotencyKey",
  "headers",
] as const satisfies (keyof RequestOptions)[];

/** What is ours, and what is TanStack's. */
export function split<T extends RequestOptions>(
  options: T | undefined,
): [RequestOptions, Omit<T, keyof RequestOptions>] {
  const theirs = { ...options } as Record<string, unknown>;
  const own: Record<string, unknown> = {};
  for (const name of OURS) {
    if (theirs[name] !== undefined) own[name] = theirs[name];
    delete theirs[name];
  }
  return [own, theirs as Omit<T, keyof RequestOptions>];
}

/** Makes all queries of a group fetch again. */
export function invalidateGroup(queries: QueryClient, group: string): Promise<void> {
  return queries.invalidateQueries({ queryKey: ["@keyhaven/sdk", group] });
}
