// Who am I? Everything else follows from the answer.

import { useSessionInfo } from "@keyhaven/sdk/react-query/authInfo.js";
import { Alert, Loading } from "./parts.js";
import { SignedIn } from "./SignedIn.js";
import { SignedOut } from "./SignedOut.js";

export function App() {
  const session = useSessionInfo({});
  if (session.data) {
    const { headers, result } = session.data;
    return <SignedIn info={result} token={headers["gram-session"]?.[0] ?? ""} />;
  }
  if (session.error?.statusCode === 401) return <SignedOut />;
  return (
    <main className="alone">
      {session.error ? (
        <Alert error={session.error} retry={() => session.refetch()} />
      ) : (
        <Loading what="your session" />
      )}
    </main>
  );
}
