// What the helpers without React share. Query keys are made here and nowhere else.

import type { RequestOptions, Secret } from "../runtime/options.js";

export type { KeyhavenCore, models, operations, WithHeaders } from "../runtime/signature.js";
export type { RequestOptions } from "../runtime/options.js";
export type { InfiniteData, InvalidateQueryFilters, QueryClient } from "@tanstack/react-query";
import type { InvalidateQueryFilters } from "@tanstack/react-query";

/** Which queries, beside their key. */
export type InvalidateFilters = Omit<InvalidateQueryFilters, "queryKey">;

/** What `useQuery` and its like take. */
export interface Query<Data> {
  queryKey: readonly unknown[];
  queryFn(context: { signal: AbortSignal }): Promise<Data>;
}

/** What `useInfiniteQuery` and its like take. */
export interface InfiniteQuery<Data> {
  queryKey: readonly unknown[];
  queryFn(context: { signal: AbortSignal; pageParam: unknown }): Promise<Data>;
  initialPageParam: string;
  getNextPageParam(page: Data): string | null | undefined;
}

/** What `useMutation` takes. */
export interface Mutation<Data, Variables> {
  mutationKey: readonly unknown[];
  mutationFn(variables: Variables): Promise<Data>;
}

/** `["@keyhaven/sdk", group, method, parameters]`; credentials are a short tag of themselves. */
export function keyOf(
  group: string,
  method: string,
  request?: object,
  security?: object,
): readonly unknown[] {
  const key: unknown[] = ["@keyhaven/sdk", group, method];
  const credential = Object.values(security ?? {}).filter(Boolean).map(tag).join(" ");
  if (request || credential) key.push({ ...request, ...(credential && { credential }) });
  return key;
}

/** 32 bits of a hash: tells credentials apart, and leads back to none. */
function tag(secret: Secret): string {
  let hash = 0x811c9dc5;
  // A function is known by its text: asking it for the credential takes time.
  for (const letter of secret + "") hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  return (hash >>> 0).toString(36);
}

/** Options whose signals all end the call: the caller's and the query's. */
export function aborting(options: RequestOptions = {}, signal: AbortSignal): RequestOptions {
  const own = options.fetchOptions?.signal;
  const both = own ? AbortSignal.any([own, signal]) : signal;
  return { ...options, fetchOptions: { ...options.fetchOptions, signal: both } };
}
