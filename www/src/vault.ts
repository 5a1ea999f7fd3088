import { signal } from '@preact/signals';
import { type MaskEdits, type MasksEdited, type Preview, type Tidegate, TidegateError } from 'tidegate';

/** What came of an edit: the texts that stay masked all the same, and what would leave now. */
export interface Edited {
  refused: string[];
  preview: Preview;
}

/**
 * Which placeholder stands for which value in the conversation, and what the person hides or shows by hand. Engines
 * know it; this keeps what they know as text, and hands it on where another one answers.
 */
export class ConversationVault {
  /** Counts the person's edits, for whoever shows what comes of them. */
  readonly edits = signal(0);
  /** What the person hid or showed by hand is not known any more: another version of this page kept it. */
  readonly editsLost = signal(false);
  readonly #engine: () => Promise<Tidegate>;
  #saved: string | undefined;
  /** The engine that knows it. */
  #holder: { tidegate: Tidegate; ready: Promise<void> } | undefined;
  /** Edits that are on their way, or failed and nobody was told. */
  #pending: Promise<unknown> = Promise.resolve();
  /** Which conversation: what comes late may be another one's. */
  #conversation = 0;

  /** `engine` says who answers now. */
  constructor(engine: () => Promise<Tidegate>) {
    this.#engine = engine;
  }

  /** As an engine gave it away last. */
  get saved(): string | undefined {
    return this.#saved;
  }

  /** Takes over the vault of another conversation; undefined is a new one's. */
  use(saved: string | undefined): void {
    this.#conversation += 1;
    this.#saved = saved;
    this.#holder = undefined;
    this.#pending = Promise.resolve();
    this.editsLost.value = false;
  }

  /** Whoever answers now, knowing the placeholders of this conversation. */
  async engine(): Promise<Tidegate> {
    const tidegate = await this.#engine();
    if (this.#holder?.tidegate !== tidegate) {
      this.#holder = { tidegate, ready: this.#handOver(tidegate) };
    }
    await this.#holder.ready;
    return tidegate;
  }

  async #handOver(tidegate: Tidegate): Promise<void> {
    if (this.#saved === undefined) return;
    try {
      await tidegate.loadVault(this.#saved);
    } catch (thrown) {
      if (thrown instanceof TidegateError && thrown.code === 'invalid-request') {
        this.editsLost.value = true;
        return;
      }
      // Not to be asked without what the person hid.
      this.#holder = undefined;
      throw thrown;
    }
  }

  /** Gets the vault from the engine that may have changed it. Any other one gets it from here before it answers. */
  async save(tidegate: Tidegate): Promise<void> {
    const mine = this.#conversation;
    const saved = await tidegate.saveVault();
    if (mine !== this.#conversation) return;
    this.#saved = saved;
    if (this.#holder?.tidegate !== tidegate) this.#holder = { tidegate, ready: Promise.resolve() };
  }

  /** Adds masks and takes masks away, for the rest of the conversation; one edit after the other. */
  edit(masks: MaskEdits, tidegate?: Tidegate): Promise<MasksEdited> {
    const edit = this.#pending
      .catch(() => {})
      .then(async () => {
        const where = tidegate ?? (await this.engine());
        const edited = await where.editMasks(masks);
        await this.save(where);
        this.edits.value += 1;
        return edited;
      });
    this.#pending = Promise.all([this.#pending, edit]);
    this.#pending.catch(() => {}); // told by `edit`, and to whoever sends next
    return edit;
  }

  /**
   * To be waited for before anything leaves. Rejects, once, if an edit failed: it may have been meant to hide
   * something.
   */
  async edited(): Promise<void> {
    const pending = this.#pending;
    this.#pending = Promise.resolve();
    await pending;
  }
}
