import { defineConfig, type Plugin } from 'vite';
import { precache } from './build/precache.ts';

// Preact and not plain DOM code: a streamed answer, a growing conversation and a panel under each
// answer are state that changes in many places; Preact with signals is 7 kB gzip for all of it.
export default defineConfig({
  base: './',
  build: {
    target: 'es2023',
    // Nothing becomes a data: URL, which the content security policy would refuse.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', 'service-worker': 'worker/service-worker.ts' },
      output: {
        entryFileNames: (chunk) =>
          chunk.name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js',
      },
    },
  },
  worker: { format: 'es' },
  plugins: [contentSecurityPolicy(), precache()],
});

/**
 * The page's own policy, for hosts that send no headers; the development server injects styles and is left out.
 *
 * `connect-src` names schemes and not hosts because the relay is known only from tidegate.json;
 * `tidegate serve` narrows it in a header to this origin and the configured relays.
 */
function contentSecurityPolicy(): Plugin {
  const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    "connect-src 'self' https: http://127.0.0.1:* http://localhost:*",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: policy },
        injectTo: 'head-prepend',
      },
    ],
  };
}
