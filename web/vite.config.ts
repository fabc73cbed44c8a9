// Builds the page's program and style into the Python package, as exactly two files with fixed names.
import { defineConfig } from "vite";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/convolve/explain/assets",
    emptyOutDir: true,
    cssCodeSplit: false,
    lib: { entry: "src/main.tsx", formats: ["es"], fileName: () => "explain.js", cssFileName: "explain" },
    minify: true,
  },
  define: { "process.env.NODE_ENV": '"production"' },
});
