// Options of hooks: TanStack's without key and function, and ours of a request.

import type {
  QueryClient,
  UseMutationOptions,
  UseQueryOptions,
  UseSuspenseQueryOptions,
} from "@tanstack/react-query";
import type { RequestOptions } from "../runtime/options.js";

// What the hooks' signatures speak of, under one address.
export type {
  UseInfiniteQueryResult,
  UseMutationResult,
  UseQueryResult,
  UseSuspenseInfiniteQueryResult,
  UseSuspenseQueryResult,
} from "@tanstack/react-query";
export type { models, operations } from "../runtime/signature.js";

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

/** Makes all queries of a group fetch again. */
export function invalidateGroup(queries: QueryClient, group: string): Promise<void> {
  return queries.invalidateQueries({ queryKey: ["@keyhaven/sdk", group] });
}
