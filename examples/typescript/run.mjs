// `node run.mjs WORLD WAY`: calls every operation of a world in order, with the class client (0) or the
// standalone functions (1). It prints a line of JSON for each: what came, or the class of the error. What
// the debug log would show of all requests and answers goes into WORLD.log.

import { appendFileSync, readFileSync } from "node:fs";
import { debugHooks } from "@keyhaven/sdk/hooks.js";
import { programs } from "./programs.js";

const [, , file, way] = process.argv;
const log = debugHooks((line) => appendFileSync(`${file}.log`, `${line}\n`), { bodies: true });
const send = fetch;
globalThis.fetch = async (request) => {
  const context = { attempt: 1, operationId: "example" };
  await log.beforeRequest(context, request);
  const response = await send(request);
  await log.afterResponse(context, Object.assign(response.clone(), { told: await response.clone().text() }));
  return response;
};
const { serverURL, steps } = JSON.parse(readFileSync(file, "utf8"));
for (const { id, security, given } of steps) {
  const told = { ...given, serverURL, security };
  const line = await programs[id][way](told).then(
    () => ({ id, ok: true }),
    ({ name, statusCode, message }) => ({ id, ok: false, error: name, status: statusCode, message }),
  );
  console.log(JSON.stringify(line));
}
