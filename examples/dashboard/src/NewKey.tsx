// A new key and its limit. The text of a key is shown once.

import { useQueryClient } from "@tanstack/react-query";
import { useId, useState, type FormEvent, type ReactNode } from "react";
import { ProblemError } from "@keyhaven/sdk/models/errors.js";
import type { CreateKey } from "@keyhaven/sdk/models/index.js";
import { invalidateAllListBudgets } from "@keyhaven/sdk/react-query/budgetsListBudgets.js";
import { useCreateKeyMutation } from "@keyhaven/sdk/react-query/keysCreateKey.js";
import { invalidateAllListKeys } from "@keyhaven/sdk/react-query/keysListKeys.js";
import { Alert } from "./parts.js";

export function NewKey({ organization, done }: { organization: string; done: () => void }) {
  const queries = useQueryClient();
  const create = useCreateKeyMutation({
    onSuccess: async () => {
      await Promise.all([invalidateAllListKeys(queries), invalidateAllListBudgets(queries)]);
    },
  });
  if (create.data) return <Shown label={create.data.label} secret={create.data.secret} done={done} />;

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    create.mutate({ request: read(new FormData(event.currentTarget), organization) });
  };
  const wrong = ProblemError.is(create.error) ? create.error.fields : [];
  const about = (pointer: string) => wrong.find((field) => field.pointer === pointer)?.detail;
  const known = ["/label", "/limit", "/limit/amount", "/limit/unit"];
  return (
    <form className="form" onSubmit={submit}>
      <Field name="label" label="Name" wrong={about("/label")}>
        {(ours) => <input {...ours} required maxLength={200} autoFocus placeholder="Nightly export" />}
      </Field>
      <div className="three">
        <Field name="amount" label="Limit" wrong={about("/limit/amount") ?? about("/limit")}>
          {(ours) => <input {...ours} inputMode="decimal" placeholder="No limit" />}
        </Field>
        <Field name="unit" label="Unit" wrong={about("/limit/unit")}>
          {(ours) => <input {...ours} defaultValue="USD" />}
        </Field>
        <Field name="period" label="Begins anew">
          {(ours) => (
            <select {...ours} defaultValue="monthly">
              <option value="none">Never</option>
              <option value="daily">Daily</option>
              <option value="weekly">Weekly</option>
              <option value="monthly">Monthly</option>
            </select>
          )}
        </Field>
      </div>
      {create.error && !wrong.some(({ pointer }) => known.includes(pointer ?? "")) && (
        <Alert error={create.error} />
      )}
      <div className="actions">
        <button id="create-key" disabled={create.isPending}>
          Create key
        </button>
        <button type="button" className="plain" onClick={done}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function read(form: FormData, organization: string): CreateKey {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const amount = text("amount");
  const limit = { amount, unit: text("unit"), period: text("period") };
  return { label: text("label"), organization, ...(amount && { limit }) };
}

interface Ours {
  id: string;
  name: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

function Field(props: {
  name: string;
  label: string;
  wrong?: string | undefined;
  children: (ours: Ours) => ReactNode;
}) {
  const id = useId();
  const told = props.wrong ? `${id}-wrong` : undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {props.children({ id, name: props.name, "aria-invalid": !!props.wrong, "aria-describedby": told })}
      {props.wrong && (
        <p className="wrong" id={told}>
          {props.wrong}
        </p>
      )}
    </div>
  );
}

function Shown({ label, secret, done }: { label: string; secret: string; done: () => void }) {
  const [copied, copy] = useState(false);
  const toClipboard = () => navigator.clipboard.writeText(secret).then(() => copy(true));
  return (
    <div className="form" role="status">
      <p>
        <strong>{label} is ready.</strong> Copy it now: it is shown this once.
      </p>
      <code className="secret" id="key-secret">
        {secret}
      </code>
      <div className="actions">
        <button onClick={toClipboard}>{copied ? "Copied" : "Copy"}</button>
        <button className="plain" onClick={done}>
          Done
        </button>
      </div>
    </div>
  );
}
