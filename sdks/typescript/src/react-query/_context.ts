"use client";
// The client that hooks use.

import { createContext, createElement, useContext, type ReactNode } from "react";
import type { KeyhavenCore } from "../runtime/client.js";

const Context = createContext<KeyhavenCore | undefined>(undefined);

/** Gives its children's hooks a client. */
export function ClientProvider({ client, children }: { client: KeyhavenCore; children?: ReactNode }) {
  return createElement(Context.Provider, { value: client }, children);
}

/** The client of the provider above; throws where there is none. */
export function useClient(): KeyhavenCore {
  const client = useContext(Context);
  if (!client) throw new Error("no ClientProvider above this component");
  return client;
}
