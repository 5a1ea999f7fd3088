import { type MaskEdits, type Preview, type Tidegate, TidegateError } from 'tidegate';
import { createTidegate } from 'tidegate/testing';
import { expect, test } from 'vitest';
import { ConversationVault } from './vault.ts';

const CLOUD = { relays: ['https://relay.test/'], keys: 'AAAA' };
const HIDE: MaskEdits = { hide: [{ text: 'Nightjar' }] };

const standIn = (): Promise<Tidegate> => createTidegate({ cloud: CLOUD, policy: { mode: 'cloud-only' } });

/** What would leave of a text. */
async function leaves(tidegate: Tidegate, text: string): Promise<string | undefined> {
  const preview: Preview = await tidegate.preview({ messages: [{ role: 'user', content: text }] });
  return preview.messages[0]?.text;
}

test('placeholders and edits go along to another engine, and to a page that opens later', async () => {
  let answering = await standIn();
  const vault = new ConversationVault(async () => answering);
  const first = await vault.engine();
  await vault.edit(HIDE);
  await first.chat.completions.create({ messages: [{ role: 'user', content: 'I am ann@example.org' }] });
  await vault.save(first);

  answering = await standIn();
  const second = await vault.engine();
  expect(second).not.toBe(first);
  expect(await leaves(second, 'Nightjar, bob@example.org, ann@example.org')).toBe(
    '[PRIVATE_1], [EMAIL_2], [EMAIL_1]',
  );

  const opened = new ConversationVault(standIn);
  opened.use(vault.saved);
  expect(await leaves(await opened.engine(), 'Nightjar and ann@example.org')).toBe(
    '[PRIVATE_1] and [EMAIL_1]',
  );
});

test('nothing leaves before an edit has come through, nor once after one that failed', async () => {
  const tidegate = await standIn();
  const vault = new ConversationVault(async () => tidegate);
  void vault.edit(HIDE);
  await vault.edited();
  expect(await leaves(tidegate, 'Nightjar')).toBe('[PRIVATE_1]');
  expect(vault.edits.value).toBe(1);

  const failed = vault.edit({ hide: [{ text: ' ' }] });
  void vault.edit({ show: ['Nightjar'] });
  await expect(vault.edited()).rejects.toBeInstanceOf(TidegateError);
  await expect(failed).rejects.toBeInstanceOf(TidegateError);
  await vault.edited();
});

test('what comes of another conversation comes too late', async () => {
  const tidegate = await standIn();
  const vault = new ConversationVault(async () => tidegate);
  await vault.edit(HIDE);
  const late = vault.save(tidegate);
  vault.use(undefined);
  await late;
  expect(vault.saved).toBeUndefined();
});

test('a vault that cannot be read is no end, but edits are lost, which is said', async () => {
  const vault = new ConversationVault(standIn);
  vault.use('of another version');
  const tidegate = await vault.engine();
  expect(vault.editsLost.value).toBe(true);
  expect(await leaves(tidegate, 'Nightjar')).toBe('Nightjar');
  vault.use(undefined);
  expect(vault.editsLost.value).toBe(false);
});

test('an engine that could not take the vault over is not asked', async () => {
  const tidegate = await standIn();
  const vault = new ConversationVault(async () => tidegate);
  await vault.edit(HIDE);
  vault.use(vault.saved);
  await tidegate.dispose();
  await expect(vault.engine()).rejects.toMatchObject({ code: 'disposed' });
  await expect(vault.engine()).rejects.toMatchObject({ code: 'disposed' });
});
