// Results and options.

export { unwrap, unwrapAsync } from "./runtime/result.js";
export type { Meta, Result, WithHeaders } from "./runtime/result.js";
export type {
  ClientOptions,
  Logger,
  RequestOptions,
  RetryConfig,
  Secret,
  Security,
  Token,
  TokenSource,
  Validator,
} from "./runtime/options.js";
