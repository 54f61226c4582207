// `node run.mjs WORLD WAY`: calls every operation of a world in order, with the class client (0) or the
// standalone functions (1). It prints a line of JSON for each: what came, or the class of the error.

import { readFileSync } from "node:fs";
import { programs } from "./programs.js";

const [, , file, way] = process.argv;
const { serverURL, steps } = JSON.parse(readFileSync(file, "utf8"));
for (const { id, security, given } of steps) {
  const told = { ...given, serverURL, security };
  const line = await programs[id][way](told).then(
    () => ({ id, ok: true }),
    ({ name, statusCode, message }) => ({ id, ok: false, error: name, status: statusCode, message }),
  );
  console.log(JSON.stringify(line));
}
