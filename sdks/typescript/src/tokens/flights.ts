// Token requests under way: whoever in this program asks the same as the same client shares the
// answer, through whichever source they ask.

import type { Token } from "../runtime/options.js";
import { ask, type Endpoint, type Parameters } from "./endpoint.js";

const flights = new Map<string, Promise<Token>>();

/** What functions are called: a proof that cannot be read is like no other. */
const names = new WeakMap<object, number>();
let named = 0;

/** As `ask`. What proves the client is part of what is compared: nobody gets the token of another. */
export function share(
  endpoint: Endpoint,
  parameters: Parameters,
  asks: (endpoint: Endpoint, parameters: Parameters) => Promise<Token> = ask,
): Promise<Token> {
  const words = JSON.stringify([endpoint, parameters], told);
  let flight = flights.get(words);
  if (!flight) {
    flight = asks(endpoint, parameters).finally(() => flights.delete(words));
    flights.set(words, flight);
  }
  return flight;
}

function told(name: string, value: unknown): unknown {
  if (name === "onTokenError") return undefined;
  if (name === "scope") return [value].flat().join(" ").split(" ").sort();
  if (typeof value !== "function") return value;
  if (!names.has(value)) names.set(value, ++named);
  return names.get(value);
}
