// React hooks in a document without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("<div id=root></div>", { url: "http://app.example/" });
Object.assign(globalThis, { window, document: window.document, navigator: window.navigator, IS_REACT_ACT_ENVIRONMENT: true });
globalThis.location ??= window.location;

const { act, createElement: h, Suspense } = await import("react");
const { createRoot } = await import("react-dom/client");
const { QueryClient, QueryClientProvider, dehydrate } = await import("@tanstack/react-query");
const { ClientCore } = await import("@keyhaven/sdk/core.js");
const hooks = await import("@keyhaven/sdk/react-query");
const core = await import("@keyhaven/sdk/react-query/oauthFetchTokenGroups.core.js");

const json = (body, status = 200, type = "application/vnd.api+json") =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": type } });

async function render(fetch, Component) {
  const always = { gcTime: Infinity };
  const queries = new QueryClient({ defaultOptions: { queries: always, mutations: always } });
  const client = new ClientCore({ serverURL: "http://127.0.0.1:9", fetch, security: { bearer: "t" } });
  const root = createRoot(document.createElement("div"));
  const tree = h(QueryClientProvider, { client: queries },
    h(hooks.ClientProvider, { client }, h(Suspense, { fallback: null }, h(Component))));
  await act(async () => root.render(tree));
  return { queries, client, unmount: () => act(async () => root.unmount()) };
}
const settled = () => act(() => new Promise((resolve) => setTimeout(resolve, 30)));

test("a query hook gives the answer, and its key has no secret", async () => {
  const seen = [];
  const secret = "kh_access_SECRET";
  const { queries, unmount } = await render(async () => json({ data: [] }), () => {
    seen.push(hooks.useTokenGroups({ oauth2: secret }, { id: "7" }));
    return null;
  });
  await settled();
  assert.deepEqual(seen.at(-1).data, { data: [] });
  const kept = JSON.stringify(dehydrate(queries));
  assert.match(kept, /oauth.*fetchTokenGroups/);
  assert.ok(!kept.includes("SECRET"));
  await unmount();
});

test("two credentials are two entries; the same one is one", () => {
  const key = (oauth2) => JSON.stringify(core.queryKeyTokenGroups({ oauth2 }, { id: "7" }));
  assert.equal(key("a"), key("a"));
  assert.notEqual(key("a"), key("b"));
});

test("a refused query is its typed error after one request", async () => {
  let calls = 0;
  const seen = [];
  const { unmount } = await render(async () => {
    calls++;
    return json({ errors: [{ status: "403", code: "Forbidden", detail: "no" }] }, 403);
  }, () => {
    seen.push(hooks.useTokenGroups({ oauth2: "t" }, { id: "7" }));
    return null;
  });
  await settled();
  assert.equal(seen.at(-1).error.name, "FetchErrorResponse");
  assert.equal(calls, 1);
  await unmount();
});

test("leaving the page aborts the request", async () => {
  let signal;
  const { queries, unmount } = await render((request) => {
    signal = request.signal;
    return new Promise(() => {});
  }, () => (hooks.useTokenGroups({ oauth2: "t" }, { id: "7" }), null));
  await act(() => queries.cancelQueries());
  assert.equal(signal.aborted, true);
  await unmount();
});

test("suspense, prefetch, set and invalidate share one key", async () => {
  let calls = 0;
  const { queries, client, unmount } = await render(async () => json({ data: [{ id: `${++calls}` }] }), () =>
    h("p", null, hooks.useTokenGroupsSuspense({ oauth2: "t" }, { id: "7" }).data.data[0].id));
  await settled();
  assert.equal(calls, 1);
  await act(() => core.prefetchTokenGroups(queries, client, { oauth2: "t" }, { id: "8" }));
  assert.equal(calls, 2);
  core.setTokenGroupsData(queries, [{ oauth2: "t" }, { id: "8" }], { data: [] });
  assert.deepEqual(queries.getQueryData(core.queryKeyTokenGroups({ oauth2: "t" }, { id: "8" })), { data: [] });
  await act(() => core.invalidateTokenGroups(queries, [{ id: "7" }]));
  await settled();
  assert.equal(calls, 3);
  await act(() => core.invalidateAllTokenGroups(queries));
  await settled();
  assert.equal(calls, 4);
  await unmount();
});

test("a mutation hook sends and tells", async () => {
  const seen = [];
  const token = { token_type: "opaque", access_token: "a", refresh_token: "r", expires_in: 1, scope: "" };
  const { unmount } = await render(async () => json(token, 200, "application/json"), () => {
    seen.push(hooks.useCreateAuthTokenMutation());
    return null;
  });
  const request = { authTokenRequest: { grantType: "client_credentials" } };
  await act(() => seen.at(-1).mutateAsync({ request }));
  await settled();
  assert.equal(seen.at(-1).data.accessToken, "a");
  await unmount();
});

test("a client secret is refused in a browser", async () => {
  const { authenticationCreateAuthToken } = await import("@keyhaven/sdk/funcs/authenticationCreateAuthToken.js");
  const client = new ClientCore({ serverURL: "http://127.0.0.1:9", security: { username: "i", password: "p" } });
  const { error } = await authenticationCreateAuthToken(client, { authTokenRequest: { grantType: "client_credentials" } });
  assert.equal(error.name, "InvalidRequestError");
});
