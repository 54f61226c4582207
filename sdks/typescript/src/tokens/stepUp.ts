// What a refusal asks for before it lets a call through.

import { BRAND, type Failure } from "../runtime/failure.js";

/** What another sign-in must bring: more scopes (RFC 6750 §3.1), or a stronger or fresher one (RFC 9470). */
export interface StepUp {
  scope?: string;
  acrValues?: string;
  /** Seconds. */
  maxAge?: number;
  /** Where the resource describes itself (RFC 9728). */
  resourceMetadata?: string;
}

/** What `error` asks for, if a new token of the same kind would be refused again. */
export function stepUp(error: unknown): StepUp | undefined {
  const failure = error as Failure | undefined;
  if (!failure?.[BRAND]) return undefined;
  const asks = /^insufficient_(scope|user_authentication)$/;
  const params = failure.challenges.find(({ params }) => asks.test(params["error"] ?? ""))?.params;
  if (!params) return undefined;
  const { scope, acr_values: acrValues, max_age: maxAge, resource_metadata: resourceMetadata } = params;
  return {
    ...(scope !== undefined && { scope }),
    ...(acrValues !== undefined && { acrValues }),
    ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
    ...(resourceMetadata !== undefined && { resourceMetadata }),
  };
}
