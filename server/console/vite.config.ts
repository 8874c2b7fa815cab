import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    // light-dark() and <dialog closedby> fall back well; below these versions the colours would not.
    target: ["chrome123", "firefox128", "safari17.5"],
    // The polyfill would be an inline script's worth of code for browsers we do not build for.
    modulePreload: { polyfill: false },
  },
});
