// Names between camelCase here and the wire there.

type Rename = (name: string) => string;

/** Our name of a wire's. */
export const camel: Rename = (name) =>
  name.replace(/[_-]+(\w)/g, (_, first: string) => first.toUpperCase());

/** Renames members all the way down, but not inside those that `opaque` names: theirs are data. */
export function renamed(value: unknown, rename: Rename, opaque?: string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename, opaque));
  if (!value || typeof value !== "object") return value;
  const members = Object.entries(value).map(([name, inner]) => [
    rename(name),
    opaque?.includes(camel(name)) ? inner : renamed(inner, rename, opaque),
  ]);
  return Object.fromEntries(members);
}
