// Pages as one sequence.

import { unwrapAsync, type Result } from "./result.js";

interface Page<T> {
  items: T[];
  next?: string | null | undefined;
}

/** Every item from `cursor` on; the next page is fetched when the last one is used up. */
export async function* each<T, E>(
  fetchPage: (cursor: string | undefined) => Promise<Result<Page<T>, E>>,
  cursor?: string,
): AsyncGenerator<T, void> {
  for (;;) {
    const page = await unwrapAsync(fetchPage(cursor));
    yield* page.items;
    if (!page.next || page.next === cursor) return;
    cursor = page.next;
  }
}
