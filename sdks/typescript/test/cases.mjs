// How one shared case of sdks/wire runs through the standalone functions: in Node, and in a page.

import { ClientCore } from "@keyhaven/sdk/core.js";
import { SDKError } from "@keyhaven/sdk/models/errors.js";
import { stepUp } from "@keyhaven/sdk/tokens/stepUp.js";
import { authenticationCreateAuthToken } from "@keyhaven/sdk/funcs/authenticationCreateAuthToken.js";
import { authenticationRevokeAuthToken } from "@keyhaven/sdk/funcs/authenticationRevokeAuthToken.js";
import { authLogout } from "@keyhaven/sdk/funcs/authLogout.js";
import { oauthFetchTokenGroups } from "@keyhaven/sdk/funcs/oauthFetchTokenGroups.js";
import { organizationsCreateOrganization } from "@keyhaven/sdk/funcs/organizationsCreateOrganization.js";
import { organizationsDeleteOrganization } from "@keyhaven/sdk/funcs/organizationsDeleteOrganization.js";
import { organizationsShowOrganization } from "@keyhaven/sdk/funcs/organizationsShowOrganization.js";
import { organizationsUpdateOrganization } from "@keyhaven/sdk/funcs/organizationsUpdateOrganization.js";
import { signingKeysListSigningKeys } from "@keyhaven/sdk/funcs/signingKeysListSigningKeys.js";
import { usersListUsers } from "@keyhaven/sdk/funcs/usersListUsers.js";

const camel = (value) =>
  Array.isArray(value)
    ? value.map(camel)
    : value && typeof value === "object"
      ? Object.fromEntries(
          Object.entries(value).map(([name, inner]) => [
            name.replace(/_(\w)/g, (_, first) => first.toUpperCase()),
            camel(inner),
          ]),
        )
      : value;

const OPERATIONS = {
  list_signing_keys: (core, _, options) => signingKeysListSigningKeys(core, options),
  show_organization: organizationsShowOrganization,
  update_organization: organizationsUpdateOrganization,
  delete_organization: organizationsDeleteOrganization,
  create_organization: (core, request, options) =>
    organizationsCreateOrganization(core, request.createOrganization, options),
  list_users: usersListUsers,
  create_auth_token: authenticationCreateAuthToken,
  revoke_auth_token: authenticationRevokeAuthToken,
  auth_logout: (core, _, options) => authLogout(core, { session: "kh_test" }, options),
  fetch_token_groups: (core, request, options) => {
    const { bearer } = core.options.security;
    return oauthFetchTokenGroups(core, { oauth2: bearer }, request, options);
  },
};

const SECURITY = {
  bearer: { bearer: "kh_test" },
  client: { username: "id:odd", password: "a b%" },
  none: undefined,
};

/** Runs a case against `faults`; throws where it differs. */
export async function run({ operation, request, options, responses, security, base = "", expect }, faults) {
  const told = await faults.tell(responses);
  const serverURL = told.url + base;
  const core = new ClientCore({ serverURL, security: SECURITY[security], dangerouslyAllowBrowser: true });
  const started = performance.now();
  const result = await OPERATIONS[operation](core, camel(request), options);
  const took = performance.now() - started;
  const came = await told.came();
  same(result.ok, expect.ok, String(result.error));
  if (!expect.ok) refused(result.error, expect);
  if (expect.value) same(result.value, camel(expect.value), "value");
  if (expect.attempts) {
    same(result.ok ? result.meta.attempts : result.error.attempts, expect.attempts, "attempts");
    same(came.length, expect.attempts, "requests");
  }
  if (expect.count !== undefined) same(came.length, expect.count, "requests");
  if (expect.minMs) holds(took >= expect.minMs, `${took} ms`);
  if (expect.maxMs) holds(took <= expect.maxMs, `${took} ms`);
  for (const name in expect.header) same(result.value.headers[name], [expect.header[name]], name);
  if (expect.replay) same(result.meta.idempotentReplay, true, "replay");
  requests(came, expect);
}

function refused(error, expect) {
  holds(SDKError.is(error), "no error of ours");
  same(error.name, expect.error, error.message);
  if (expect.status) same(error.statusCode, expect.status, "status");
  for (const name in expect.fields) same(error[name], expect.fields[name], name);
  if (expect.retryAfterMs) same(error.retryAfterMs, expect.retryAfterMs, "retryAfterMs");
  if (expect.stepUp !== undefined) same(stepUp(error) ?? null, camel(expect.stepUp), "stepUp");
  if (expect.challenges) same(error.challenges, expect.challenges, "challenges");
}

function requests(came, expect) {
  for (const [at, wanted] of (expect.requests ?? []).entries()) {
    const request = came[at];
    if (wanted.method) same(request.method, wanted.method, "method");
    if (wanted.path) same(request.path, wanted.path, "path");
    if (wanted.body) same(JSON.parse(request.body), wanted.body, "body");
    for (const name in wanted.headers) same(request.headers[name], wanted.headers[name], name);
  }
  if (expect.same) {
    const [first, ...others] = came.map(({ headers }) => headers[expect.same]);
    holds(first, `no ${expect.same}`);
    for (const other of others) same(other, first, expect.same);
  }
  if (expect.query) {
    same(Object.fromEntries(new URL(came[0].path, "http://x").searchParams), expect.query, "query");
  }
}

function holds(truth, otherwise) {
  if (!truth) throw new Error(otherwise);
}

function same(actual, wanted, what) {
  const [left, right] = [sorted(actual), sorted(wanted)].map((value) => JSON.stringify(value));
  holds(left === right, `${what}: ${left} instead of ${right}`);
}

const sorted = (value) =>
  Array.isArray(value)
    ? value.map(sorted)
    : value && typeof value === "object"
      ? Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]))
      : value;
