// What every part of the page is made of.

import { useState, type ReactNode } from "react";

export function Mark() {
  return <img className="mark" src="/mark.svg" alt="" width="32" height="32" />;
}

export function Loading({ what }: { what: string }) {
  return (
    <p className="loading" role="status">
      <span className="quiet">Loading {what}</span>
    </p>
  );
}

/** What the SDK's errors have in common. */
interface Failure {
  name: string;
  message: string;
  statusCode?: number;
  requestId?: string;
}

/** What went wrong, in the server's words, and what to do next. */
export function Alert({ error, retry }: { error: Failure; retry?: () => void }) {
  const offline = error.name === "ConnectionError" || error.name === "RequestTimeoutError";
  return (
    <div className="alert" role="alert">
      <p>
        <strong>{offline ? "The server cannot be reached." : error.message}</strong>
        {error.requestId && <span className="soft"> Request {error.requestId}</span>}
      </p>
      {retry && (
        <button className="plain" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Section(props: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section className="card" aria-label={props.title}>
      <div className="heading">
        <h2>{props.title}</h2>
        {props.action}
      </div>
      {props.children}
    </section>
  );
}

/** A button that asks once more before it does something that cannot be undone. */
export function Confirmed(props: { label: string; again: string; busy: boolean; act: () => void }) {
  const [asked, ask] = useState(false);
  if (!asked) {
    return (
      <button className="plain" onClick={() => ask(true)}>
        {props.label}
      </button>
    );
  }
  return (
    <span className="confirm">
      <button className="danger" disabled={props.busy} onClick={props.act} autoFocus>
        {props.again}
      </button>
      <button className="plain" disabled={props.busy} onClick={() => ask(false)}>
        Keep
      </button>
    </span>
  );
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** A moment in seconds since 1970, as people say it. */
export function Moment({ at }: { at: number }) {
  const away = at - Date.now() / 1000;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(away) >= length) ?? ["second", 1];
  const date = new Date(at * 1000);
  const near = Math.abs(away) < 45 ? "now" : relative.format(Math.round(away / length), unit);
  const far = date.toLocaleDateString("en", { dateStyle: "medium" });
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString("en")}>
      {Math.abs(away) > 30 * 86_400 ? far : near}
    </time>
  );
}

/** An exact amount with its unit; money as money. */
export function amount(text: string, unit: string): string {
  if (!/^[A-Z]{3}$/.test(unit)) return `${Number(text).toLocaleString("en")} ${unit}`;
  return new Intl.NumberFormat("en", { style: "currency", currency: unit }).format(Number(text));
}
