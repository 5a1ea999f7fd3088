import { expect, test } from 'vitest';

// Vitest runs this file in Node: there is no `window`, `self` or `location` to lean on.
test('the package can be imported and asked on a server', async () => {
  expect('window' in globalThis).toBe(false);
  const { availability, createTidegate } = await import('../src/index.js');
  expect(await availability()).toMatchObject({ status: 'unavailable', reason: 'no model was named' });
  expect(await availability('https://page.test/m.json')).toMatchObject({
    status: 'unavailable',
    reason: 'this environment has no WebAssembly or no workers',
  });
  await expect(createTidegate({ model: '/relative.json' })).rejects.toMatchObject({
    code: 'invalid-request',
  });
});

test('where nothing can be kept, a sealed store says so', async () => {
  const { openSealedStore } = await import('../src/sealed-store.js');
  await expect(openSealedStore('a')).rejects.toMatchObject({
    name: 'SealedStoreError',
    code: 'storage-unavailable',
  });
});
