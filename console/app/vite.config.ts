/* Built into dist/: names with a hash of what is in them, nothing inline, nothing from another host. */
import { defineConfig } from 'vite';

const server = process.env.TELOS_SERVER ?? 'http://127.0.0.1:8480';
const token = process.env.TELOS_TOKEN; // while developing only: the proxy shows it, the browser never has it
const proxied = ['/v1', '/healthz', '/readyz', '/metrics', '/openapi.json', '/checkpoint', '/tile'];

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, sourcemap: false, chunkSizeWarningLimit: 450 },
  server: {
    proxy: Object.fromEntries(
      proxied.map((path) => [path, { target: server, changeOrigin: false, headers: token ? { Authorization: `Bearer ${token}` } : {} }]),
    ),
  },
});
