import type { Locator, Page } from 'playwright-core';

/** The chat page, as a person sees it. */
export class Pwa {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Downloads the model as a first visitor does, and waits until it can answer. */
  async downloadModel(): Promise<void> {
    await this.page.getByRole('button', { name: 'Download model' }).click();
    await this.ready();
  }

  /** Waits until the model can answer. */
  async ready(): Promise<void> {
    await this.page.getByPlaceholder('Ask something').waitFor({ timeout: 60_000 });
  }

  /** Sends a question; the answer may be still to come. */
  async ask(question: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Message' }).fill(question);
    await this.page.getByRole('button', { name: 'Send' }).click();
  }

  /** The last answer once it is in `state`. */
  async answer(state: 'done' | 'stopped' | 'failed'): Promise<Locator> {
    const last = this.page.getByTestId('answer').last();
    await this.page.locator(`[data-testid="answer"][data-state="${state}"]`).last().waitFor();
    return last;
  }

  /** Waits until this browser has stored the conversation as it is now, or forgotten it. */
  async kept(): Promise<void> {
    await this.page.locator('main[data-kept="true"]').waitFor();
  }

  /** Waits until some text of the last answer has come. */
  async streaming(): Promise<void> {
    await this.page
      .locator('[data-testid="answer"][data-state="running"] [data-testid="answer-text"]')
      .waitFor();
  }

  /** Chooses who may answer. */
  async choose(mode: 'local-only' | 'prefer-local' | 'prefer-cloud' | 'cloud-only'): Promise<void> {
    await this.page.getByRole('button', { name: /^Mode: / }).click();
    await this.page.locator(`#mode-${mode}`).click();
  }
}
