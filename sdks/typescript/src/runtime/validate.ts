// Checks of answers against the shapes that `<pkg>/validators/` carries.

/** `s`, `n`, `b`, `a` (anything), `o` (any object), members, or a list of one shape. */
type Shape = string | [Shape] | { [member: string]: Shape };

const KINDS: Record<string, string> = { s: "string", n: "number", b: "boolean", o: "object" };

/** A check that names the first member that is not what is documented. */
export function checker(shape: unknown): (value: unknown) => string | undefined {
  return (value) => fault(value, shape as Shape, "the answer");
}

function fault(value: unknown, shape: Shape, at: string): string | undefined {
  if (shape === "a") return undefined;
  if (typeof shape === "string") {
    const kind = value === null ? "null" : typeof value;
    return kind === KINDS[shape] ? undefined : `${at} is ${kind} instead of ${KINDS[shape]}`;
  }
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return `${at} is no list`;
    return first(value, (item, index) => fault(item, shape[0], `${at}[${index}]`));
  }
  if (!value || typeof value !== "object" || Array.isArray(value)) return `${at} is no object`;
  return first(Object.entries(shape), ([name, inner]) => {
    const wire = name.replace("?", "");
    const member = (value as Record<string, unknown>)[wire];
    if (member == null && name !== wire) return undefined;
    return fault(member, inner, `${at}.${wire}`);
  });
}

function first<T>(list: T[], find: (item: T, index: number) => string | undefined) {
  for (const [index, item] of list.entries()) {
    const found = find(item, index);
    if (found) return found;
  }
  return undefined;
}
