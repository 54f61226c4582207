// The parts of requests and answers that only some operations have; each carries what it needs.

import { Failure } from "./failure.js";
import type { Operation, Part } from "./operation.js";
import { camel, renamed } from "./wire.js";

/** Fills in the path. No part of it may be missing or lead out of it. */
export const path: Part = (draft, request) => {
  draft.url = draft.url.replace(/\{(\w+)}/g, (_, wire: string) => {
    const text = String(request[camel(wire)] ?? "");
    if (!/^\.{0,2}$/.test(text)) return encodeURIComponent(text);
    throw new Failure("InvalidRequestError", `"${text}" is no ${camel(wire)}`);
  });
};

/** Adds parameters, by the wire's names. */
export const query =
  (...names: string[]): Part =>
  (draft, request) => {
    const parameters = new URLSearchParams();
    for (const wire of names) {
      for (const value of [request[camel(wire)]].flat()) {
        if (value != null) parameters.append(wire, String(value));
      }
    }
    if (parameters.size) draft.url += "?" + parameters;
  };

/** Sets headers: our name, the wire's. */
export const headers =
  (names: Record<string, string>): Part =>
  (draft, request) => {
    for (const name in names) {
      if (request[name] != null) draft.head[names[name]!] = String(request[name]);
    }
  };

/** Sends one member of the request, or all of it. */
export const json =
  (member?: string): Part =>
  (draft, request, { sends = "application/json", opaque, names = {} }) => {
    draft.head["content-type"] = sends;
    const wire = (name: string) =>
      names[name] ?? name.replace(/[A-Z]/g, (capital) => "_" + capital.toLowerCase());
    draft.body = JSON.stringify(renamed((member ? request[member] : request) ?? {}, wire, opaque));
  };

/** Sends a key that is the same for all attempts of a call. */
export const keyed: Part = ({ head }) => {
  head["idempotency-key"] ??= newKey();
};

/** A UUID of version 7: a server keeps what grows with time side by side. */
export function newKey(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}

/** A success whose headers matter. */
export const withHeaders: NonNullable<Operation["wrap"]> = (response, result) => {
  const headers: Record<string, string[]> = {};
  response.headers.forEach((value, name) => (headers[name] ??= []).push(value));
  return { headers, result };
};
