// What standalone functions take.

export { ClientCore, KeyhavenCore } from "./runtime/client.js";
