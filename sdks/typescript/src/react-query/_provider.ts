"use client";
// Gives hooks their client.

import { createElement, type ReactNode } from "react";
import type { KeyhavenCore } from "../runtime/client.js";
import { Context } from "./_context.js";

/** Gives its children's hooks a client. */
export function ClientProvider({ client, children }: { client: KeyhavenCore; children?: ReactNode }) {
  return createElement(Context.Provider, { value: client }, children);
}
