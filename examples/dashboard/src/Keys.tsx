// Keys of an organization: what each may spend, and what is left of it.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Budget, Key } from "@keyhaven/sdk/models/index.js";
import { useListBudgets } from "@keyhaven/sdk/react-query/budgetsListBudgets.js";
import { useDeleteKeyMutation } from "@keyhaven/sdk/react-query/keysDeleteKey.js";
import { invalidateAllListKeys, useListKeysInfinite } from "@keyhaven/sdk/react-query/keysListKeys.js";
import { NewKey } from "./NewKey.js";
import { Alert, amount, Confirmed, Loading, Moment, Section } from "./parts.js";

export function Keys({ organization }: { organization: string }) {
  const [adding, add] = useState(false);
  const keys = useListKeysInfinite({ organization });
  const budgets = useListBudgets({ organization, limit: 100 });
  const items = keys.data?.pages.flatMap((page) => page.items) ?? [];
  const budget = (key: Key) => budgets.data?.items.find(({ subject }) => subject === key.id);
  if (keys.error?.name === "Unauthorized" || keys.error?.name === "Forbidden") {
    return (
      <Section title="Keys">
        <p className="soft">Only administrators of the organization see its keys.</p>
      </Section>
    );
  }
  const action = (
    <button id="new-key" aria-expanded={adding} onClick={() => add(!adding)}>
      New key
    </button>
  );
  return (
    <Section title="Keys" action={action}>
      {adding && <NewKey organization={organization} done={() => add(false)} />}
      {keys.error && <Alert error={keys.error} retry={() => keys.refetch()} />}
      {keys.isPending && <Loading what="keys" />}
      {keys.data && items.length === 0 && (
        <p className="empty soft">No keys yet. A key opens your API, within its limit.</p>
      )}
      <ul className="rows">
        {items.map((key) => (
          <Row key={key.id} item={key} budget={budget(key)} />
        ))}
      </ul>
      {keys.hasNextPage && (
        <button className="plain" disabled={keys.isFetching} onClick={() => keys.fetchNextPage()}>
          Show more
        </button>
      )}
    </Section>
  );
}

function Row({ item, budget }: { item: Key; budget: Budget | undefined }) {
  const queries = useQueryClient();
  const remove = useDeleteKeyMutation({ onSuccess: () => invalidateAllListKeys(queries) });
  return (
    <li>
      <div className="what">
        <h3>{item.label}</h3>
        <p className="soft">
          <code>
            {item.prefix}…{item.lastFour}
          </code>
          {" · "}
          {item.lastUsedAt ? (
            <>
              used <Moment at={item.lastUsedAt} />
            </>
          ) : (
            "never used"
          )}
          {item.disabledAt && " · disabled"}
          {item.expiresAt && (
            <>
              {" · ends "}
              <Moment at={item.expiresAt} />
            </>
          )}
        </p>
      </div>
      <div className="limit">{budget ? <Limit budget={budget} /> : <p className="soft">No limit</p>}</div>
      <Confirmed
        label="Delete"
        again={`Delete ${item.label}`}
        busy={remove.isPending}
        act={() => remove.mutate({ request: { key: item.id } })}
      />
      {remove.error && <Alert error={remove.error} />}
    </li>
  );
}

function Limit({ budget }: { budget: Budget }) {
  const { spent, held, limit, left, unit, period, resetsAt } = budget;
  const taken = Number(spent) + Number(held);
  const share = Math.min(taken / (Number(limit) || 1), 1);
  return (
    <>
      <p>
        <strong>{amount(left, unit)}</strong>
        <span className="soft"> left of {amount(limit, unit)}</span>
      </p>
      <div
        className={share > 0.9 ? "meter full" : "meter"}
        role="meter"
        aria-label="Spent"
        aria-valuemin={0}
        aria-valuemax={Number(limit)}
        aria-valuenow={taken}
        aria-valuetext={`${amount(spent, unit)} spent`}
      >
        <span style={{ width: `${share * 100}%` }} />
      </div>
      {period !== "none" && resetsAt && (
        <p className="soft small">
          {period}, begins anew <Moment at={resetsAt} />
        </p>
      )}
    </>
  );
}
