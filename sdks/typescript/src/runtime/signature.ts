// What the signatures of generated functions speak of, under one address: each of hundreds of files
// names it, and what is installed is weighed, too.

export type { KeyhavenCore } from "./client.js";
export type { Operation } from "./operation.js";
export type { RequestOptions } from "./options.js";
export type { Result, WithHeaders } from "./result.js";
export type * as errors from "../models/errors.js";
export type * as models from "../models/index.js";
export type * as operations from "../models/operations.js";
