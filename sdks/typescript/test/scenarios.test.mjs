// The shared cases of sdks/wire, through the standalone functions.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { ClientCore } from "@keyhaven/sdk/core.js";
import { SDKError } from "@keyhaven/sdk/models/errors.js";
import { authenticationCreateAuthToken } from "@keyhaven/sdk/funcs/authenticationCreateAuthToken.js";
import { authenticationRevokeAuthToken } from "@keyhaven/sdk/funcs/authenticationRevokeAuthToken.js";
import { oauthFetchTokenGroups } from "@keyhaven/sdk/funcs/oauthFetchTokenGroups.js";
import { organizationsCreateOrganization } from "@keyhaven/sdk/funcs/organizationsCreateOrganization.js";
import { organizationsDeleteOrganization } from "@keyhaven/sdk/funcs/organizationsDeleteOrganization.js";
import { organizationsShowOrganization } from "@keyhaven/sdk/funcs/organizationsShowOrganization.js";
import { organizationsUpdateOrganization } from "@keyhaven/sdk/funcs/organizationsUpdateOrganization.js";
import { signingKeysListSigningKeys } from "@keyhaven/sdk/funcs/signingKeysListSigningKeys.js";
import { usersListUsers } from "@keyhaven/sdk/funcs/usersListUsers.js";
import { startFaults } from "./server.mjs";

const cases = JSON.parse(readFileSync(new URL("../../wire/scenarios.json", import.meta.url)));

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

let faults;
before(async () => (faults = await startFaults()));
after(() => faults.stop());

describe("shared cases", { concurrency: 8 }, () => {
  for (const given of cases) test(given.name, () => run(given));
});

async function run({ operation, request, options, responses, security, base = "", expect }) {
  const told = await faults.tell(responses);
  const core = new ClientCore({ serverURL: told.url + base, security: SECURITY[security] });
  const started = performance.now();
  const result = await OPERATIONS[operation](core, camel(request), options);
  const took = performance.now() - started;
  const came = await told.came();
  assert.equal(result.ok, expect.ok, String(result.error));
  if (!expect.ok) refused(result.error, expect);
  if (expect.value) assert.deepEqual(result.value, camel(expect.value));
  if (expect.attempts) {
    assert.equal(result.ok ? result.meta.attempts : result.error.attempts, expect.attempts);
    assert.equal(came.length, expect.attempts);
  }
  if (expect.count !== undefined) assert.equal(came.length, expect.count);
  if (expect.minMs) assert.ok(took >= expect.minMs, `${took} ms`);
  if (expect.maxMs) assert.ok(took <= expect.maxMs, `${took} ms`);
  if (expect.replay) assert.equal(result.meta.idempotentReplay, true);
  requests(came, expect);
}

function refused(error, expect) {
  assert.ok(SDKError.is(error));
  assert.equal(error.name, expect.error);
  if (expect.status) assert.equal(error.statusCode, expect.status);
  for (const name in expect.fields) assert.deepEqual(error[name], expect.fields[name]);
  if (expect.retryAfterMs) assert.equal(error.retryAfterMs, expect.retryAfterMs);
  if (expect.challenges) assert.deepEqual(error.challenges, expect.challenges);
}

function requests(came, expect) {
  for (const [at, wanted] of (expect.requests ?? []).entries()) {
    const request = came[at];
    if (wanted.method) assert.equal(request.method, wanted.method);
    if (wanted.path) assert.equal(request.path, wanted.path);
    if (wanted.body) assert.deepEqual(JSON.parse(request.body), wanted.body);
    for (const name in wanted.headers) assert.equal(request.headers[name], wanted.headers[name], name);
  }
  if (expect.same) {
    const [first, ...others] = came.map(({ headers }) => headers[expect.same]);
    assert.ok(first);
    for (const other of others) assert.equal(other, first);
  }
  if (expect.query) {
    const query = Object.fromEntries(new URL(came[0].path, "http://x").searchParams);
    assert.deepEqual(query, expect.query);
  }
}
