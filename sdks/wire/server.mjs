// The fault server of the SDKs' shared cases: it answers as it is told, and remembers what came.
//
//   PUT /control/<case>   the answers to give, in order; the last one is repeated
//   GET /control/<case>   the requests that came
//   anything below /s/<case> is a request of an SDK
//   /.well-known/oauth-authorization-server/s/<case> is answered as the case <case>.metadata, 404
//   unless that was told: what a server says of itself is asked for beside the case, not in it
//   GET /page             nothing to see, for SDKs that run in a page
//
// An answer is {status, headers, body, delayMs, resetAfter}: `resetAfter: "request"` cuts the
// connection unanswered, `"half"` in the middle of the body; `after` waits before the last byte.
// It prints its port and ends with its standard input.

import { createServer } from "node:http";

const cases = new Map();

function caseOf(name) {
  if (!cases.has(name)) cases.set(name, { answers: [], requests: [] });
  return cases.get(name);
}

async function textOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

function control(request, response, name, text) {
  if (request.method === "PUT") cases.set(name, { answers: JSON.parse(text), requests: [] });
  response.setHeader("content-type", "application/json");
  response.setHeader("access-control-allow-origin", "*");
  response.end(JSON.stringify(caseOf(name).requests));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What `now+N` means in a header: an HTTP date so many seconds ahead. */
function dated(value) {
  const ahead = /^now\+(\d+)$/.exec(value);
  return ahead ? new Date(Date.now() + ahead[1] * 1000).toUTCString() : value;
}

async function answer(request, response, name, path, text) {
  const { answers, requests } = caseOf(name);
  const { method, headers } = request;
  requests.push({ method, path, headers, body: text });
  const none = { status: name.endsWith(".metadata") ? 404 : 599 };
  const told = answers[Math.min(requests.length, answers.length) - 1] ?? none;
  if (told.delayMs) await pause(told.delayMs);
  if (told.resetAfter === "request") return request.socket.destroy();
  const raw = typeof told.body === "string" ? told.body : told.body && JSON.stringify(told.body);
  const type = told.body !== undefined ? { "content-type": "application/json" } : {};
  const all = { ...type, "access-control-allow-origin": "*", ...told.headers };
  for (const header in all) response.setHeader(header, dated(all[header]));
  response.statusCode = told.status;
  if (told.resetAfter === "half" || told.after) {
    response.setHeader("content-length", Buffer.byteLength(raw));
    response.write(raw.slice(0, raw.length >> 1));
    if (told.after) await pause(told.after);
    else return setTimeout(() => request.socket.destroy(), 20);
    return response.end(raw.slice(raw.length >> 1));
  }
  response.end(raw);
}

const server = createServer(async (request, response) => {
  // Clients send a request again by themselves when a connection that served before is cut.
  response.shouldKeepAlive = false;
  const text = await textOf(request).catch(() => "");
  const [, kind, name, rest = ""] = /^\/(control|s)\/([^/?]+)(.*)$/.exec(request.url) ?? [];
  const [, described] = /^\/\.well-known\/oauth-authorization-server\/s\/([^/?]+)$/.exec(request.url) ?? [];
  if (request.method === "OPTIONS") {
    response.writeHead(204, {
      "access-control-allow-origin": "*",
      "access-control-allow-headers": "*, authorization",
      "access-control-allow-methods": "*",
    });
    response.end();
  } else if (kind === "control") control(request, response, name, text);
  else if (described) await answer(request, response, described + ".metadata", "", text);
  else if (kind === "s") await answer(request, response, name, rest, text);
  else if (request.url === "/page") {
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>cases</title>");
  } else response.writeHead(404).end();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit());
