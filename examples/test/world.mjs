// A server with one of everything, and what each operation's program is given there.
//
// What an operation ends or changes for good is made for it alone, so that the order does not matter.

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { startServer } from "../../tests/clients/node/server.mjs";

const SCOPES = ["keyhaven:admin", "keyhaven:usage", "connection:token"];

/** Starts a server and fills it. `steps` are the calls of `operations`, in their order. */
export async function startWorld(operations) {
  const settings = { KEYHAVEN_CONNECTOR_RETURN_ORIGINS: "https://hub.example" };
  const server = await startServer({ settings });
  const { api, bearer } = await administrator(server);
  const given = await everything(api, server);
  const own = await its(api, server, given);
  const tenant = (await administrator(server, "--org", given.organization)).bearer;
  const steps = operations.map(({ id, schemes }) => ({
    id,
    security: securityOf(id, schemes, { bearer, tenant, server, given }),
    given: { ...given, ...own[id] },
  }));
  return { serverURL: server.url, steps, stop: server.stop };
}

/** Operations that act in the caller's own organization when none is named. */
const TENANT = ["create_connector", "create_key", "list_connections", "list_connectors"];

function securityOf(id, schemes, { bearer, tenant, server, given }) {
  if (schemes.includes("client")) return { username: server.id, password: server.secret };
  if (schemes.includes("api_key")) return { bearer: given.credential };
  if (schemes.includes("oauth2")) return { bearer: given.oauth2 };
  return { bearer: TENANT.includes(id) ? tenant : bearer };
}

async function administrator(server, ...whose) {
  const words = [...whose, ...SCOPES.flatMap((scope) => ["--scope", scope])];
  const client = server.command("client", "create", "--name", "Examples", ...words);
  const pair = Buffer.from(`${client.client_id}:${client.client_secret}`).toString("base64");
  const form = new URLSearchParams({ grant_type: "client_credentials", scope: SCOPES.join(" ") });
  const headers = { authorization: `Basic ${pair}` };
  const answer = await fetch(`${server.url}/oauth2/token`, { method: "POST", headers, body: form });
  const bearer = (await answer.json()).access_token;
  return { bearer, api: caller(server.url, bearer) };
}

/** `api(method, path, body)`: what the server answers, or an error with all of it. */
function caller(url, bearer) {
  return async (method, path, body, more = {}) => {
    const type = body && { "content-type": "application/json" };
    const once = method === "POST" && path.startsWith("/v1/") && { "idempotency-key": randomUUID() };
    const headers = { authorization: `Bearer ${bearer}`, ...type, ...once, ...more };
    const sent = { method, headers, redirect: "manual", ...(body && { body: JSON.stringify(body) }) };
    const answer = await fetch(url + path, sent);
    const text = await answer.text();
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text.startsWith("{") ? { ...JSON.parse(text), headers: answer.headers } : { headers: answer.headers };
  };
}

let count = 0;
const slug = () => `yard-${++count}`;

const newOrganization = async (api) => {
  const name = slug();
  await api("POST", "/v1/organizations", { name, slug: name });
  return name;
};
const newUser = async (api) => (await api("POST", "/v1/users", { email: `${slug()}@example.test`, name: "Ada" })).id;
const newMember = async (api, organization) => {
  const user = await newUser(api);
  await api("POST", `/v1/organizations/${organization}/members`, { user, role: "member" });
  return user;
};
const newProject = async (api, organization) =>
  (await api("POST", `/v1/organizations/${organization}/projects`, { name: "Yard", slug: slug() })).id;
const newGroup = async (api, organization) =>
  (await api("POST", `/v1/organizations/${organization}/groups`, { name: slug() })).id;
const newClient = async (api, organization) =>
  (await api("POST", "/v1/clients", { name: "Yard", organization, grant_types: ["client_credentials"], scope: "accounts.read" })).client_id;
const newKey = (api, organization) => {
  const limit = { unit: "USD", amount: "40.00", period: "monthly" };
  return api("POST", "/v1/keys", { label: slug(), organization, limit, scopes: "notes.read accounts.read" });
};
const newBudget = async (api, organization) => {
  const project = await newProject(api, organization);
  const limit = { unit: "USD", amount: "500.00", period: "monthly" };
  return (await api("POST", "/v1/budgets", { level: "project", subject: project, organization, limit })).id;
};
const newConnector = async (api, organization) =>
  (await api("POST", "/v1/connectors", { provider: "google", organization, client_id: "1", client_secret: "s", scopes: ["openid"] })).id;
const newConnection = async (api, connector) =>
  (await api("POST", "/v1/connections", { connector, account: slug(), access_token: "outside-access", refresh_token: "outside-refresh" })).id;
const newConnectSession = async (api, connector) =>
  (await api("POST", "/v1/connect-sessions", { connector, external_id: slug() })).id;
const newInvitation = async (api, organization) =>
  (await api("POST", "/v1/invitations", { email: `${slug()}@example.test`, organization })).id;
const newUpstream = async (api) =>
  (await api("POST", "/v1/upstreams", { preset: "google", client_id: slug(), client_secret: "s" })).id;
const newEndpoint = async (api, organization) =>
  (await api("POST", `/v1/organizations/${organization}/webhook-endpoints`, { url: "https://app.example/hooks", events: ["connection.needs_reauth"] })).id;
const newHold = async (api, credential) =>
  (await api("POST", "/v1/usage/reserve", { credential, cost: { unit: "USD", amount: "0.50" } })).id;

/** A session by a ticket: its token, and its id. */
async function newSession(api, user) {
  const { shared_token } = await api("POST", "/v1/tickets", { user });
  const { headers } = await api("GET", `/rpc/auth.callback?shared_token=${shared_token}`);
  const { items } = await api("GET", `/v1/sessions?user=${user}`);
  return { token: headers.get("gram-session"), id: items[0].id };
}

/** A code for a key, and what proves who asked for it. */
async function newCode(api, credential) {
  const code_verifier = randomBytes(32).toString("base64url");
  const code_challenge = createHash("sha256").update(code_verifier).digest("base64url");
  const ask = { callback_url: "https://notes.example/cb", code_challenge, code_challenge_method: "S256" };
  const authorization = { authorization: `Bearer ${credential}` };
  const { data } = await api("POST", "/auth/keys/code", ask, authorization);
  return { code: data.id, codeVerifier: code_verifier };
}

async function newToken(api, server) {
  const attributes = { client_id: server.id, client_secret: server.secret, grant_type: "client_credentials" };
  const { data } = await api("POST", "/oauth/token", { data: { type: "token", attributes } }, { authorization: "" });
  return { id: data.id, oauth2: data.attributes.access_token, token: data.attributes.refresh_token };
}

/** What most programs are given: one of everything. */
async function everything(api, server) {
  const organization = await newOrganization(api);
  const user = await newMember(api, organization);
  const key = await newKey(api, organization);
  const connector = await newConnector(api, organization);
  const session = await newSession(api, user);
  const group = await newGroup(api, organization);
  await api("PUT", `/v1/organizations/${organization}/groups/${group}/members/${user}`);
  await api("PUT", `/v1/organizations/${organization}/domains/yard.example`);
  const client = await newClient(api, organization);
  const { items: secrets } = await api("GET", `/v1/clients/${client}/secrets`);
  await newCode(api, key.secret);
  const { items: apps } = await api("GET", "/v1/apps");
  return {
    organization,
    user,
    group,
    client,
    connector,
    connectorId: connector,
    project: await newProject(api, organization),
    budget: await newBudget(api, organization),
    key: key.id,
    grant: key.id,
    credential: key.secret,
    app: apps[0].id,
    connection: await newConnection(api, connector),
    upstream: await newUpstream(api),
    endpoint: await newEndpoint(api, organization),
    hold: await newHold(api, key.secret),
    secret: secrets[0].id,
    session: session.token,
    domain: "yard.example",
    provider: "intranet",
    factor: "none",
    ticket: "none",
    code: "KH-0000-0000",
    clientId: server.id,
    clientSecret: server.secret,
    accessToken: "outside-access",
    refreshToken: "outside-refresh",
    ...(await newToken(api, server)),
  };
}

/** What an operation needs for itself. */
async function its(api, server, { organization, user, connector, credential }) {
  const session = async () => newSession(api, await newMember(api, organization));
  const client = await newClient(api, organization);
  await api("POST", `/v1/clients/${client}/secrets`, { overlap_seconds: 3600 });
  const { items: secrets } = await api("GET", `/v1/clients/${client}/secrets`);
  const grouped = { group: await newGroup(api, organization), user };
  await api("PUT", `/v1/organizations/${organization}/groups/${grouped.group}/members/${user}`);
  await api("PUT", `/v1/organizations/${organization}/domains/gone.example`);
  return {
    auth_logout: { session: (await session()).token },
    create_auth_token: {},
    delete_budget: { budget: await newBudget(api, organization) },
    delete_client: { client: await newClient(api, organization) },
    delete_client_secret: { client, secret: secrets[0].id },
    revoke_connection: { connection: await newConnection(api, connector) },
    delete_connector: { connector: await newConnector(api, organization) },
    revoke_grant: { grant: (await newKey(api, organization)).id },
    delete_key: { key: (await newKey(api, organization)).id },
    update_key: { key: (await newKey(api, organization)).id },
    rotate_key: { key: (await newKey(api, organization)).id },
    delete_organization: { organization: await newOrganization(api) },
    release_domain: { domain: "gone.example" },
    claim_domain: { domain: "new.example" },
    delete_group: { group: await newGroup(api, organization) },
    remove_group_member: grouped,
    add_member: { user: await newUser(api) },
    remove_member: { user: await newMember(api, organization) },
    delete_project: { project: await newProject(api, organization) },
    show_connect_session: { session: await newConnectSession(api, connector) },
    withdraw_connect_session: { session: await newConnectSession(api, connector) },
    withdraw_invitation: { invitation: await newInvitation(api, organization) },
    delete_webhook_endpoint: { endpoint: await newEndpoint(api, organization) },
    show_session: { session: (await session()).id },
    update_session: { session: (await session()).id },
    end_session: { session: (await session()).id },
    end_user_sessions: { user: await newMember(api, organization) },
    delete_upstream: { upstream: await newUpstream(api) },
    release_usage: { hold: await newHold(api, credential) },
    delete_user: { user: await newUser(api) },
    update_user: { user: await newUser(api) },
    require_password_reset: { user: await newUser(api) },
    show_provider: { provider: "google" },
    post_auth_keys: await newCode(api, credential),
    explain_refusal: { code: await refusalCode(server) },
    update_client: { client: await newClient(api, organization) },
    revoke_client_tokens: { client: await newClient(api, organization) },
    rotate_client_secret: { client: await newClient(api, organization) },
    revoke_auth_token: await newToken(api, server),
  };
}

/** The code of something that was refused. */
async function refusalCode(server) {
  const body = JSON.stringify({ credential: "kh_key_nothing" });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${server.url}/v1/check`, { method: "POST", headers, body });
  return (await answer.json()).code;
}
