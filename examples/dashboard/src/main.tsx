import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { ClientCore } from "@keyhaven/sdk/core.js";
import { ClientProvider } from "@keyhaven/sdk/react-query";
import { App } from "./App.js";
import "./style.css";

// The page's own origin: the browser sends the session's cookie by itself.
const client = new ClientCore({ serverURL: location.origin });
const queries = new QueryClient();

createRoot(document.getElementById("root")!).render(
  <QueryClientProvider client={queries}>
    <ClientProvider client={client}>
      <App />
    </ClientProvider>
  </QueryClientProvider>,
);
