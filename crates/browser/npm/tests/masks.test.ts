import { describe, expect, test } from 'vitest';
import { consentData, parseEdits } from '../src/masks.js';
import { createTidegate } from '../src/testing.js';
import type { MaskEdits } from '../src/types.gen.js';

test.each<[unknown, string]>([
  [{ mask: [] }, 'edits.mask is not supported; supported: hide, show'],
  [{ hide: 'x' }, 'edits.hide: expected a list'],
  [{ hide: [{ text: 'secret', label: 'x' }] }, 'edits.hide[0].label is not supported'],
  [{ hide: [{ text: ' ' }] }, 'edits.hide[0].text: expected a text that is not blank'],
  [{ show: ['secret', 7] }, 'edits.show[1]: expected a text that is not blank'],
  [{ show: ['secret \ud83e'] }, 'edits.show[0]: holds half a surrogate pair'],
])('%j is refused by name, and nothing of it is repeated', (edits, message) => {
  expect(() => parseEdits(edits as MaskEdits)).toThrow(message);
  expect(() => parseEdits(edits as MaskEdits)).not.toThrow('secret');
});

test('edits are copied, and only true or edits let something leave', () => {
  const edits: MaskEdits = { hide: [{ text: 'a', kind: 'PERSON' }, { text: 'b' }] };
  expect(parseEdits(edits)).toEqual({ ...edits, show: [] });
  expect([true, false, undefined, null, 1, 'yes'].map(consentData)).toEqual([
    true,
    ...Array.from({ length: 5 }, () => false),
  ]);
  expect(consentData({ show: ['a'] })).toEqual({ hide: [], show: ['a'] });
});

describe('the stand-in', () => {
  const cloud = { relays: ['https://relay.test/'], keys: 'AAAA' };
  const ask = (content: string) => ({ messages: [{ role: 'user' as const, content }] });
  const open = () => createTidegate({ cloud, policy: { mode: 'cloud-only' } });

  test('edits with consent are what leaves, for the rest of the conversation', async () => {
    const tidegate = await open();
    const text = 'Nightjar (v2): a@b.example, c@d.example';
    const beforeCloud = () => ({ hide: [{ text: 'nightjar (v2)' }], show: ['A@b.example'] });
    const { receipt } = await tidegate.chat.completions.create(ask(text), { policy: { beforeCloud } });
    expect(receipt.sent?.text).toContain('[PRIVATE_1]: a@b.example, [EMAIL_2]');
    expect(receipt.replaced).toEqual([
      { placeholder: '[PRIVATE_1]', kind: 'PRIVATE' },
      { placeholder: '[EMAIL_2]', kind: 'EMAIL' },
    ]);
    const preview = await tidegate.preview(ask('c@d.example a@b.example'));
    expect(preview.messages[0]).toEqual({
      role: 'user',
      text: '[EMAIL_2] a@b.example',
      findings: [
        { start: 0, end: 11, kind: 'EMAIL', class: 'prefer-not', score: 1, leavesAs: '[EMAIL_2]' },
        { start: 12, end: 23, kind: 'EMAIL', class: 'public', score: 1, leavesAs: 'a@b.example' },
      ],
    });
    await tidegate.forget();
    expect((await tidegate.preview(ask('Nightjar (v2) c@d.example'))).messages[0]?.text).toBe(
      'Nightjar (v2) [EMAIL_1]',
    );
  });

  test('a saved vault goes on in another instance', async () => {
    const first = await open();
    expect(await first.editMasks({ hide: [{ text: 'Nightjar', kind: 'ORGANIZATION' }] })).toEqual({
      refused: [],
    });
    await first.chat.completions.create(ask('a@b.example Nightjar'));
    const second = await open();
    await second.loadVault(await first.saveVault());
    const { messages } = await second.preview(ask('NIGHTJAR, c@d.example, a@b.example, Nightjar'));
    expect(messages[0]?.text).toBe('[ORGANIZATION_2], [EMAIL_2], [EMAIL_1], [ORGANIZATION_1]');
    await expect(second.loadVault('{}')).rejects.toMatchObject({ code: 'invalid-request' });
  });
});
