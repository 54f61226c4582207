// A signed-in person: where they act, and the two things they have there.

import { useQueryClient } from "@tanstack/react-query";
import { useId, useMemo } from "react";
import { ClientCore } from "@keyhaven/sdk/core.js";
import type { SessionInfo } from "@keyhaven/sdk/models/index.js";
import { ClientProvider } from "@keyhaven/sdk/react-query";
import { useLogoutMutation } from "@keyhaven/sdk/react-query/authLogout.js";
import { useSwitchScopesMutation } from "@keyhaven/sdk/react-query/authSwitchScopes.js";
import { Connections } from "./Connections.js";
import { Keys } from "./Keys.js";
import { Alert, Mark } from "./parts.js";

export function SignedIn({ info, token }: { info: SessionInfo; token: string }) {
  // Native operations take the session as a bearer.
  const client = useMemo(
    () => new ClientCore({ serverURL: location.origin, security: { bearer: token } }),
    [token],
  );
  const active = info.organizations.find(({ id }) => id === info.activeOrganizationId);
  return (
    <>
      <Masthead info={info} />
      <main>
        <header className="opening">
          <h1>{active?.name ?? "No organization yet"}</h1>
          <p className="soft">
            {active
              ? `Signed in as ${info.userDisplayName || info.userEmail}`
              : "Ask an administrator to add you to one."}
          </p>
        </header>
        {active && (
          <ClientProvider client={client}>
            <Keys key={`keys ${active.id}`} organization={active.id} />
            <Connections key={`connections ${active.id}`} organization={active.id} />
          </ClientProvider>
        )}
      </main>
    </>
  );
}

function Masthead({ info }: { info: SessionInfo }) {
  const queries = useQueryClient();
  const label = useId();
  // What other queries know belongs to the organization and the person before.
  const everythingElse = () => queries.invalidateQueries();
  const move = useSwitchScopesMutation({ onSuccess: everythingElse });
  const leave = useLogoutMutation({ invalidate: false, onSuccess: () => queries.resetQueries() });
  const error = move.error ?? leave.error;
  return (
    <header className="masthead">
      <div className="bar">
        <span className="brand">
          <Mark />
          Dashboard
        </span>
        <label className="switch" htmlFor={label}>
          <span className="quiet">Organization</span>
          <select
            id={label}
            value={info.activeOrganizationId}
            disabled={move.isPending || info.organizations.length < 2}
            onChange={({ target }) =>
              move.mutate({ security: {}, request: { organizationId: target.value } })
            }
          >
            {info.organizations.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <span className="who" title={info.userEmail}>
          {info.userEmail}
        </span>
        <button
          id="sign-out"
          className="plain"
          disabled={leave.isPending}
          onClick={() => leave.mutate({ security: {} })}
        >
          Sign out
        </button>
      </div>
      {error && <Alert error={error} />}
    </header>
  );
}
