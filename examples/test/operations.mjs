// The operations of the document, and how each may refuse.

import { readFileSync } from "node:fs";

const document = JSON.parse(readFileSync(new URL("../../sdks/openapi.json", import.meta.url)));
const METHODS = ["get", "post", "put", "patch", "delete"];

/** In the document's order, those that end something last. */
export function operations() {
  const all = Object.values(document.paths).flatMap((item) =>
    METHODS.filter((method) => item[method]).map((method) => ({ method, ...item[method] })),
  );
  const list = all.map(({ method, operationId: id, responses, security = document.security }) => ({
    id,
    method,
    schemes: security.flatMap(Object.keys),
    statuses: Object.keys(responses).filter((status) => !/^[23]/.test(status)),
  }));
  return [...list.filter(({ method }) => method !== "delete"), ...list.filter(({ method }) => method === "delete")];
}

/** What goes well in a world; whoever gives a new operation what it needs there puts it in the list. */
export const SUCCEEDING = new Set(
  JSON.parse(readFileSync(new URL("succeeding.json", import.meta.url))),
);

/** What cannot go well without people or providers, and the class of its refusal. */
export const REFUSED = {
  handle_oauth_callback: "ConnectorError",
  auth_callback: "ServiceError",
  confirm_one_connection: "BadRequest",
  forward_auth: "APIError",
  remove_user_factor: "NotFound",
};
