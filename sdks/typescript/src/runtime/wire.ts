// Names and paths between camelCase here and the wire there.

import type { Operation } from "./operation.js";

type Names = Record<string, string>;

/** Parsed JSON in camelCase. Free-form members, which `opaque` names, keep their own keys. */
export function fromWire(value: unknown, opaque: string[] = []): unknown {
  if (Array.isArray(value)) return value.map((item) => fromWire(item, opaque));
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replace(/[_-]+(\w)/g, (_, first: string) => first.toUpperCase()),
      opaque.includes(name) ? inner : fromWire(inner, opaque),
    ]),
  );
}

/** A request in the wire's names; `names` has those that no rule gives. */
export function toWire(value: unknown, opaque: string[] = [], names: Names = {}): unknown {
  if (Array.isArray(value)) return value.map((item) => toWire(item, opaque, names));
  if (!value || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const wire = wireName(name, names);
      return [wire, opaque.includes(wire) ? inner : toWire(inner, opaque, names)];
    }),
  );
}

function wireName(name: string, names: Names = {}): string {
  return Object.hasOwn(names, name)
    ? names[name]!
    : name.replace(/[A-Z]/g, (capital) => "_" + capital.toLowerCase());
}

/** The address of a request. Throws a text when a part of the path is missing or would leave it. */
export function address(base: string, op: Operation, request: Record<string, unknown>): string {
  const path = op.path.replace(/\{(\w+)\}/g, (_, wire: string) => {
    const name = wire.replace(/_(\w)/g, (_, first: string) => first.toUpperCase());
    const text = String(request[name] ?? "");
    if (/^\.{0,2}$/.test(text)) throw `${name} is ${text ? "no part of a path" : "missing"}`;
    return encodeURIComponent(text);
  });
  const query = new URLSearchParams();
  for (const wire of op.query ?? []) {
    const value = request[wire.replace(/_(\w)/g, (_, first: string) => first.toUpperCase())];
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one != null) query.append(wire, String(one));
    }
  }
  const search = query.toString();
  return base.replace(/\/+$/, "") + path + (search && "?" + search);
}
