import { generateKeyPairSync } from 'node:crypto';
import type { Page } from 'playwright-core';
import { Browser } from '../harness/chromium.ts';
import { create } from '../harness/package.ts';
import { places } from '../harness/places.ts';
import { tidegate } from './runtimes/tidegate.ts';
import { FileServer } from './serve.ts';

/** A page with an instance that has no model, and a cloud that is never asked: it finds and it decides. */
export async function withCloud(executable: string, use: (page: Page) => Promise<void>): Promise<void> {
  const html = `<!doctype html><title>Bench</title><script type="module">${tidegate.page}</script>`;
  const server = await FileServer.start({ '/tidegate/': places.packageDist }, { '/': html });
  const browser = await Browser.start({ executable });
  try {
    const page = await browser.open(server.url);
    const failed = await create(page, {
      cloud: { relays: ['https://relay.example/'], keys: keysOfNobody() },
    });
    if (failed !== undefined) throw new Error(failed.message);
    await use(page);
  } finally {
    await browser.stop();
    await server.stop();
  }
}

/** An `application/ohttp-keys` list (RFC 9458, 3.2) of one X25519 key. */
function keysOfNobody(): string {
  const { x } = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
  if (x === undefined) throw new Error('the key has no public part');
  // Key id 0, KEM 0x0020, the key, one suite: HKDF-SHA256, AES-128-GCM.
  const config = Buffer.concat([
    Buffer.from([0, 0x00, 0x20]),
    Buffer.from(x, 'base64url'),
    Buffer.from([0, 4, 0, 1, 0, 1]),
  ]);
  const length = Buffer.from([0, config.length]);
  return Buffer.concat([length, config]).toString('base64');
}
