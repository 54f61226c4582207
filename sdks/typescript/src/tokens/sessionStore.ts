// Tokens that live as long as a tab does. Whatever script runs in the page can read them: prefer a
// session cookie of your server's where you can.

import type { Token } from "../runtime/options.js";
import { tokenStore, type Keeper } from "./store.js";

const PREFIX = "@keyhaven/sdk token ";

/** Keeps tokens in `sessionStorage`. */
export function sessionStore(storage: Storage = globalThis.sessionStorage): Keeper {
  return tokenStore({
    get: (key) => {
      const text = storage.getItem(PREFIX + key);
      return text ? (JSON.parse(text) as Token) : undefined;
    },
    set: (key, token) => storage.setItem(PREFIX + key, JSON.stringify(token)),
    delete: (key) => storage.removeItem(PREFIX + key),
  });
}
