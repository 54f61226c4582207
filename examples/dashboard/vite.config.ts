import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Where the page finds Keyhaven while you work on it. In production a reverse proxy does the same.
const keyhaven = process.env.VITE_KEYHAVEN_URL ?? "http://localhost:8484";
const proxy = { "/rpc": keyhaven, "/v1": keyhaven };

export default defineConfig({
  plugins: [react()],
  define: { KEYHAVEN_URL: JSON.stringify(keyhaven) },
  resolve: { dedupe: ["react", "react-dom", "@tanstack/react-query"] },
  server: { port: 5173, strictPort: true, proxy },
  preview: { port: 5173, strictPort: true, proxy },
});
