"use client";
// The client that hooks use.

import { createContext, useContext } from "react";
import type { KeyhavenCore } from "../runtime/client.js";

/** Holds the client. */
export const Context = createContext<KeyhavenCore | undefined>(undefined);

/** The client of the provider above; throws where there is none. */
export function useClient(): KeyhavenCore {
  const client = useContext(Context);
  if (!client) throw new Error("no ClientProvider above");
  return client;
}
