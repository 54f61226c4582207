// What a call fails with at run time. Which class that is stands in `name`; the classes themselves
// (`errors.ts`) are only looked at by those who import them.

/** What is known of a failure. */
export interface ErrorFields {
  operationId?: string;
  statusCode?: number;
  headers?: Headers;
  contentType?: string;
  body?: string;
  data?: unknown;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
  attempts?: number;
  cause?: unknown;
}

/** A scheme of `WWW-Authenticate` and what it says. */
export interface Challenge {
  scheme: string;
  params: Record<string, string>;
}

/** Marks the errors of all copies of this package. */
export const BRAND: unique symbol = Symbol.for("@keyhaven/sdk error") as never;

/** An error of ours. Neither its text nor its JSON has bodies, headers or secrets in it. */
export class Failure extends Error {
  declare readonly headers?: Headers;
  declare readonly data?: unknown;

  constructor(name: string, message: string, fields: ErrorFields = {}) {
    super(message);
    for (const [field, value] of Object.entries({ ...fields, name })) {
      // Only what may be printed is enumerable: no body, no headers, nothing parsed.
      const enumerable = field !== "body" && typeof value !== "object";
      if (value !== undefined) Object.defineProperty(this, field, { value, enumerable });
    }
    // Members of a documented body are its own.
    const data = fields.data as Record<string, unknown>;
    for (const field in data) {
      if (!(field in this)) (this as Record<string, unknown>)[field] = data[field];
    }
  }

  [BRAND]() {}

  /** What is wrong with which member or parameter. */
  get fields(): { pointer?: string; parameter?: string; detail: string }[] {
    return (this.data as { errors?: [] } | undefined)?.errors ?? [];
  }

  /** What `WWW-Authenticate` asks for. */
  get challenges(): Challenge[] {
    const list: Challenge[] = [];
    const text = this.headers?.get("www-authenticate") ?? "";
    for (const [, word, value] of text.matchAll(/([\w-]+)(?:\s*=\s*("(?:\\.|[^"])*"|[^\s,]+))?/g)) {
      if (value) list.at(-1)!.params[word!] = value.replace(/^"|\\(?=.)|"$/g, "");
      else list.push({ scheme: word!, params: {} });
    }
    return list;
  }

  toJSON(): object {
    return { ...this, message: this.message };
  }
}
