// Everything: the class client, models, errors, results.

export { Client, Keyhaven } from "./sdk/keyhaven.js";
export { ClientCore, KeyhavenCore } from "./runtime/client.js";
export * from "./results.js";
export type * as models from "./models/index.js";
export type * as operations from "./models/operations.js";
export * from "./models/errors.js";
