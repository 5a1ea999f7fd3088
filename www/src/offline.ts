import { signal } from '@preact/signals';

/** The page's own files are kept: it opens without a network. */
export const worksOffline = signal(false);

/** Registers the service worker; without one (an old browser, a private window) the page works online. */
export async function keepForOffline(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('service-worker.js');
    await navigator.serviceWorker.ready;
    worksOffline.value = true;
  } catch (error) {
    console.warn('This page will not open offline:', error);
  }
}
