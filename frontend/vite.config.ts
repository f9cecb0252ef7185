import react from "@vitejs/plugin-react";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vitest/config";

const console_ = process.env.CHAOSLAB_CONSOLE_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    outDir: "../flows/console/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false }, // it would be an inline script
    assetsInlineLimit: 0, // fonts are files: the policy has no data: for them
    chunkSizeWarningLimit: 400,
    rolldownOptions: {
      output: { hashCharacters: "hex" },
    },
  },
  server: {
    // The console answers its own host and origin only.
    proxy: {
      "^/(api|docs|problems)(/|$)": {
        target: console_,
        changeOrigin: true,
        configure: (proxy) =>
          proxy.on("proxyReq", (request) => {
            request.removeHeader("origin");
            request.removeHeader("sec-fetch-site");
          }),
      },
    },
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});
