import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withBrowser } from '../harness/chromium.ts';
import { useParties } from '../harness/parties.ts';
import { Pwa } from '../harness/pwa.ts';

const FRANCE = 'What is the capital of France?';
const ITALY = 'What is the capital of Italy?';

const parties = useParties();

test('to ask again and to edit the question are told to what learns, and so is a change', async () => {
  await withBrowser({}, async (browser) => {
    const page = await browser.open(parties.stack.page);
    const pwa = new Pwa(page);
    await pwa.downloadModel();
    await pwa.choose('local-only');
    /** What this browser keeps of what was learned, once so many reactions are in it. */
    const learned = async (reactions: number) => {
      const kept = await page.waitForFunction((reactions) => {
        const kept = JSON.parse(localStorage.getItem('tidegate.feedback') ?? '{}');
        return kept.reactions === reactions ? kept : undefined;
      }, reactions);
      return (await kept.jsonValue()) as Record<string, unknown>;
    };
    const edit = page.getByRole('button', { name: 'Edit question' });
    const box = page.getByRole('textbox', { name: 'Question', exact: true });

    await pwa.ask(FRANCE);
    await pwa.answer('done');
    await learned(0);
    await page.getByRole('button', { name: 'Ask again' }).click();
    // Where no risk is stated, a half of what is bad counts; to ask again says half of what a thumb down does.
    expect((await learned(1)).shift).toBeCloseTo(0.0025, 5);
    await pwa.answer('done');

    // By keys alone: in, out again, in, and asked.
    await edit.press('Enter');
    expect(await box.inputValue()).toBe(FRANCE);
    await box.press('Escape');
    expect(await box.count()).toBe(0);
    expect(await edit.evaluate((button) => button === document.activeElement)).toBe(true);
    await edit.press('Enter');
    await box.fill(ITALY);
    await box.press('Enter');
    expect((await learned(2)).shift).toBeCloseTo(0.0025 + 0.00125, 5);
    const answer = await pwa.answer('done');
    expect(await answer.getByTestId('answer-text').innerText()).toMatch(/\S/);
    expect(await page.getByTestId('question').allInnerTexts()).toEqual([ITALY]);
    await pwa.kept();

    // A change, as the engine tells of it, in what is kept when the next page begins.
    await page.addInitScript(() => {
      const kept = JSON.parse(localStorage.getItem('tidegate.feedback') ?? '');
      localStorage.setItem('tidegate.feedback', JSON.stringify({ ...kept, drift: 'complaints' }));
    });
    await page.reload();
    await pwa.ready();
    const note = page.getByTestId('drift');
    expect(await note.innerText()).toContain('You find fault with more answers of this page than before.');

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      note.getByRole('link', { name: 'Save as a file' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('tidegate-learned.json');
    const saved = JSON.parse(readFileSync(await download.path(), 'utf8')) as object;
    expect(saved).toMatchObject({ reactions: 2, drift: 'complaints' });
    expect(JSON.stringify(saved)).not.toContain('Italy');

    await note.getByRole('button', { name: 'Start afresh' }).click();
    await note.waitFor({ state: 'detached' });
    expect(await learned(0)).toMatchObject({ shift: 0, drift: null });
    // The same is at hand while nothing has changed.
    await page.getByRole('button', { name: /^Mode: / }).click();
    await page.getByTestId('learned').getByRole('button', { name: 'Forget what was learned' }).waitFor();
  });
});
