// Names and paths between camelCase here and the wire there.

import type { Operation } from "./operation.js";

type Rename = (name: string) => string;

const camel: Rename = (name) =>
  name.replace(/[_-]+(\w)/g, (_, first: string) => first.toUpperCase());

/** Renames members all the way down, but not inside those that `opaque` names: theirs are data. */
function renamed(value: unknown, opaque: string[], rename: Rename): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, opaque, rename));
  if (!value || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const other = rename(name);
      const isOpaque = opaque.includes(name) || opaque.includes(other);
      return [other, isOpaque ? inner : renamed(inner, opaque, rename)];
    }),
  );
}

/** Parsed JSON in camelCase. */
export function fromWire(value: unknown, { opaque = [] }: Operation): unknown {
  return renamed(value, opaque, camel);
}

/** A request in the wire's names. */
export function toWire(value: unknown, { opaque = [], names = {} }: Operation): unknown {
  return renamed(
    value,
    opaque,
    (name) => names[name] ?? name.replace(/[A-Z]/g, (capital) => "_" + capital.toLowerCase()),
  );
}

/** The address of a request. Throws a text when a part of the path is missing or would leave it. */
export function address(base: string, op: Operation, request: Record<string, unknown>): string {
  const path = op.path.replace(/\{(\w+)}/g, (_, wire: string) => {
    const text = String(request[camel(wire)] ?? "");
    if (/^\.{0,2}$/.test(text)) throw `${camel(wire)} is "${text}", which is no part of a path`;
    return encodeURIComponent(text);
  });
  const query = new URLSearchParams();
  for (const wire of op.query ?? []) {
    for (const value of [request[camel(wire)]].flat()) {
      if (value != null) query.append(wire, String(value));
    }
  }
  return base.replace(/\/+$/, "") + path + (query.size ? "?" + query : "");
}
