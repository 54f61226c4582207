// Outside accounts that Keyhaven keeps tokens of.

import { useQueryClient } from "@tanstack/react-query";
import type { Connection, Connector } from "@keyhaven/sdk/models/index.js";
import {
  invalidateAllListConnections,
  useListConnectionsInfinite,
} from "@keyhaven/sdk/react-query/connectionsListConnections.js";
import { useRevokeConnectionMutation } from "@keyhaven/sdk/react-query/connectionsRevokeConnection.js";
import { useListConnectors } from "@keyhaven/sdk/react-query/connectorsListConnectors.js";
import { useStartAuthorizationMutation } from "@keyhaven/sdk/react-query/connectorsStartAuthorization.js";
import { Alert, Confirmed, Loading, Moment, Section } from "./parts.js";

export function Connections({ organization }: { organization: string }) {
  const connections = useListConnectionsInfinite({ organization });
  // Members see their connections; the connectors are the administrators'.
  const connectors = useListConnectors({ organization });
  const offered = connectors.data?.items.filter(({ method }) => method === "oauth") ?? [];
  const items = connections.data?.pages.flatMap((page) => page.items) ?? [];
  const name = (id: string) => connectors.data?.items.find((one) => one.id === id)?.name;
  return (
    <Section title="Connections" action={offered.map((one) => <Connect key={one.id} connector={one} />)}>
      {connections.error && (
        <Alert error={connections.error} retry={() => connections.refetch()} />
      )}
      {connections.isPending && <Loading what="connections" />}
      {connections.data && items.length === 0 && (
        <p className="empty soft">No connections yet. They let programs act in outside accounts.</p>
      )}
      <ul className="rows">
        {items.map((item) => (
          <Row key={item.id} item={item} connector={name(item.connector)} />
        ))}
      </ul>
      {connections.hasNextPage && (
        <button className="plain" onClick={() => connections.fetchNextPage()}>
          Show more
        </button>
      )}
    </Section>
  );
}

function Connect({ connector }: { connector: Connector }) {
  const start = useStartAuthorizationMutation({
    onSuccess: ({ authorizationUrl }) => location.assign(authorizationUrl),
  });
  const request = { connector: connector.id, startAuthorization: {} };
  return (
    <>
      <button disabled={start.isPending || start.isSuccess} onClick={() => start.mutate({ request })}>
        Connect {connector.name}
      </button>
      {start.error && <Alert error={start.error} />}
    </>
  );
}

/** What each state means to whoever looks at it. */
const STATES: Record<string, [tone: string, text: string]> = {
  active: ["good", "Active"],
  refreshing: ["good", "Active"],
  pending: ["", "Waiting"],
  expired: ["", "Expired"],
  needs_reauth: ["bad", "Needs a new sign-in"],
  error: ["bad", "Provider fails"],
  revoked: ["", "Ended"],
};

function Row({ item, connector }: { item: Connection; connector: string | undefined }) {
  const queries = useQueryClient();
  const revoke = useRevokeConnectionMutation({
    onSuccess: () => invalidateAllListConnections(queries),
  });
  const [tone, state] = STATES[item.status] ?? ["", item.status];
  return (
    <li>
      <div className="what">
        <h3>{item.accountLabel || item.account || connector || "An account"}</h3>
        <p className="soft">
          {connector && `${connector} · `}
          {item.user ? "yours" : "the team's"} · since <Moment at={item.createdAt} />
        </p>
      </div>
      <p className="state">
        <span className={`badge ${tone}`}>{state}</span>
        {item.reason && <span className="soft small">{item.reason.replaceAll("_", " ")}</span>}
      </p>
      {item.status === "revoked" ? (
        <span />
      ) : (
        <Confirmed
          label="Disconnect"
          again="Disconnect now"
          busy={revoke.isPending}
          act={() => revoke.mutate({ request: { connection: item.id } })}
        />
      )}
      {revoke.error && <Alert error={revoke.error} />}
    </li>
  );
}
