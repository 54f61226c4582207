// When a refusal lets us try again.

/** How long the server wants to be left alone. */
export function retryAfter(headers: Headers): number | undefined {
  const ms = headers.get("retry-after-ms");
  const text = headers.get("retry-after");
  const wait = ms ? +ms : text ? +text * 1000 || Date.parse(text) - Date.now() : NaN;
  return wait >= 0 ? wait : undefined;
}
