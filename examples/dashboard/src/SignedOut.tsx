// The way in: Keyhaven's own page signs people in and sends them back here.

import { Mark } from "./parts.js";

declare const KEYHAVEN_URL: string;

export function SignedOut() {
  const here = new URLSearchParams(location.search);
  const refused = here.get("signin_error");
  return (
    <main className="alone">
      <div className="card welcome">
        <Mark />
        <h1>Your keys and connections, in one place</h1>
        <p className="soft">Sign in to see who may use what, and how much of it.</p>
        {refused && (
          <p className="alert" role="alert">
            <strong>You are not signed in.</strong> {refused}
          </p>
        )}
        <a className="button" id="sign-in" href={`${KEYHAVEN_URL}/rpc/auth.login?redirect=/`}>
          Sign in
        </a>
      </div>
    </main>
  );
}
