// What a reverse proxy does in production: the built page, and Keyhaven's API below the same origin.

import { createServer, request as send } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** Listens on a free port; `serve` says later what stands behind it. */
export async function startFront() {
  const behind = {};
  const server = createServer((request, response) => {
    if (/^\/(rpc|v1)\//.test(request.url)) forward(request, response, behind.keyhaven);
    else show(request.url, response, behind.folder);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://localhost:${server.address().port}`,
    serve: (folder, keyhaven) => Object.assign(behind, { folder, keyhaven }),
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function forward(request, response, keyhaven) {
  const { method, url, headers } = request;
  const onward = send(keyhaven + url, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

async function show(url, response, folder) {
  const { pathname } = new URL(url, "http://x");
  const name = extname(pathname) ? pathname : "/index.html";
  const file = await readFile(join(folder, name)).catch(() => undefined);
  response.writeHead(file ? 200 : 404, { "content-type": TYPES[extname(name)] ?? "text/plain" });
  response.end(file);
}
