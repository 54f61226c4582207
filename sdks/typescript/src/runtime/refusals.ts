// Refusals in problem details (RFC 9457): one class a status.

import { HTTPError, type SDKError } from "./errors.js";
import { problems } from "./problems.js";

const NAMES = Object.values(problems);

/** A refusal in problem details. */
export class ProblemError extends HTTPError {
  static override readonly kind: string = "ProblemError";
  declare readonly type: string;
  declare readonly title: string;
  declare readonly detail: string;
  declare readonly instance?: string;
  /** What `keyhaven explain` explains. */
  declare readonly code?: string;
  /** Why a checked credential does not count. */
  declare readonly reason?: string;

  protected static override has(error: SDKError): boolean {
    return this.kind === "ProblemError" ? NAMES.includes(error.name) : super.has(error);
  }
}

/** 400 */
export class BadRequest extends ProblemError {
  static override readonly kind: string = "BadRequest";
}
/** 401 */
export class Unauthorized extends ProblemError {
  static override readonly kind: string = "Unauthorized";
}
/** 403 */
export class Forbidden extends ProblemError {
  static override readonly kind: string = "Forbidden";
}
/** 404 */
export class NotFound extends ProblemError {
  static override readonly kind: string = "NotFound";
}
/** 409 */
export class Conflict extends ProblemError {
  static override readonly kind: string = "Conflict";
}
/** 422 */
export class Validation extends ProblemError {
  static override readonly kind: string = "Validation";
}
/** 429 */
export class RateLimited extends ProblemError {
  static override readonly kind: string = "RateLimited";
}
/** 5XX */
export class Server extends ProblemError {
  static override readonly kind: string = "Server";
}

/** The errors of an operation that refuses in problem details. */
export type ProblemErrors =
  | ProblemError
  | BadRequest
  | Unauthorized
  | Forbidden
  | NotFound
  | Conflict
  | Validation
  | RateLimited
  | Server;
