// Keeps the page's own files, so that it opens without a network.
//
// Never touched: model files (the package keeps those itself, in OPFS) and the relay (another origin).

export {};

declare const self: ServiceWorkerGlobalScope;

// Both are filled in by build/precache.ts: paths relative to the scope, and a hash over them and their bytes.
const FILES: string[] = JSON.parse('__FILES__');
const CACHE = 'tidegate-__VERSION__';
const CONFIG = 'tidegate-config';
/** The engine's module with WebGPU: megabytes that a device without a GPU never runs. */
const NEEDS_GPU = /tidegate_gpu[^/]*\.wasm$/;
/** The one with threads: only a page that is cross-origin isolated runs it. */
const NEEDS_ISOLATION = /tidegate_cpu_threads[^/]*\.wasm$/;
/** What finds names and addresses, and what weighs a question: nothing leaves a site without a cloud. */
const NEEDS_CLOUD = /(tagger|router)[^/]*\.bin$/;
/** What verifies a gateway's hardware: kept once a page has needed it, which takes a network anyway. */
const NEEDS_EVIDENCE = /attestation[^/]*\.wasm$/;
/** What src/config.ts takes where the site names no model. */
const DEFAULT_MODEL = '/models/SmolLM2-135M-Instruct.Q4_1.json';

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(takeOver()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (request.mode === 'navigate' && isPage(url)) event.respondWith(kept('./', request));
  else if (isSmallConfig(url)) event.respondWith(freshOrKept(request));
  else if (FILES.some((file) => absolute(file) === url.origin + url.pathname)) {
    event.respondWith(kept(url.origin + url.pathname, request));
  }
});

function isPage(url: URL): boolean {
  const path = url.origin + url.pathname;
  return path === absolute('./') || path === absolute('index.html');
}

/** The site's configuration and the model's manifest: a few hundred bytes that may change at any time. */
function isSmallConfig(url: URL): boolean {
  return url.pathname.endsWith('/tidegate.json') || /\/models\/[^/]+\.json$/.test(url.pathname);
}

async function install(): Promise<void> {
  const { model, cloud } = await siteConfig();
  await Promise.all([fill(cloud != null), fillManifest(model)]);
}

/** Files under assets/ carry a hash in their name: what an earlier version kept is not fetched again. */
async function fill(hasCloud: boolean): Promise<void> {
  const cache = await caches.open(CACHE);
  const gpu = await hasGpu();
  const files = FILES.filter(
    (file) =>
      (gpu || !NEEDS_GPU.test(file)) &&
      (self.crossOriginIsolated || !NEEDS_ISOLATION.test(file)) &&
      (hasCloud || !NEEDS_CLOUD.test(file)) &&
      !NEEDS_EVIDENCE.test(file),
  );
  await Promise.all(
    files.map(async (file) => {
      const url = absolute(file);
      const named = file.startsWith('assets/');
      const earlier = named ? await caches.match(url) : undefined;
      if (earlier) await cache.put(url, earlier);
      else await cache.add(new Request(url, { cache: named ? 'default' : 'no-cache' }));
    }),
  );
}

/** Whether the package will choose WebGPU here; if it does against this guess, `kept` keeps the module then. */
async function hasGpu(): Promise<boolean> {
  const gpu = (
    navigator as { gpu?: { requestAdapter(): Promise<{ info: { isFallbackAdapter?: boolean } } | null> } }
  ).gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return !!adapter && !adapter.info.isFallbackAdapter;
}

/** On the first visit the page read this before this worker was there to keep it. */
async function siteConfig(): Promise<{ model?: unknown; cloud?: unknown }> {
  const response = await freshOrKept(new Request(absolute('tidegate.json'))).catch(() => undefined);
  return response?.ok ? await response.json().catch(() => ({})) : {};
}

/** The same for what the page read next. */
async function fillManifest(model: unknown): Promise<void> {
  const manifest = new URL(typeof model === 'string' ? model : DEFAULT_MODEL, absolute('tidegate.json'));
  if (manifest.origin === self.location.origin)
    await freshOrKept(new Request(manifest)).catch(() => undefined);
}

/** A new version waits until no page of the old one is open, so deleting here takes nothing from anyone. */
async function takeOver(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith('tidegate-') && name !== CACHE && name !== CONFIG) await caches.delete(name);
  }
  await self.clients.claim();
}

async function kept(url: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const earlier = await cache.match(absolute(url));
  if (earlier) return earlier;
  const fresh = await fetch(request);
  if (fresh.ok) await cache.put(absolute(url), fresh.clone());
  return fresh;
}

/** A site without a configuration answers 404, and that is worth keeping too; a failing server's answer is not. */
async function freshOrKept(request: Request): Promise<Response> {
  const cache = await caches.open(CONFIG);
  try {
    const fresh = await fetch(request);
    if (fresh.status < 500) await cache.put(request, fresh.clone());
    return fresh;
  } catch (error) {
    const earlier = await cache.match(request);
    if (earlier) return earlier;
    throw error;
  }
}

function absolute(path: string): string {
  return new URL(path, self.registration.scope).href;
}
