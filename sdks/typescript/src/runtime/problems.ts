// Problem details (RFC 9457): one name a status.

import type { Refusals } from "./operation.js";

/** The refusals of an operation that refuses in problem details. */
export const problems: Refusals = {
  type: "application/problem+json",
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  422: "Validation",
  429: "RateLimited",
  "4XX": "ProblemError",
  "5XX": "Server",
};
