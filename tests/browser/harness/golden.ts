import { readFileSync } from 'node:fs';
import type { ChatRequest } from 'tidegate';
import { places } from './places.ts';

/** One prompt with llama.cpp's greedy answer and its five most likely tokens at each step. */
export interface GoldenPrompt {
  name: string;
  messages: ChatRequest['messages'];
  prompt_ids: number[];
  ids: number[];
  top: [id: number, logProbability: number][][];
}

/** llama.cpp rounds activations to 8 bits: this close, its first and second token may change places. */
const TIE = 0.1;

export function goldenPrompts(): GoldenPrompt[] {
  return (JSON.parse(readFileSync(places.golden, 'utf8')) as { prompts: GoldenPrompt[] }).prompts;
}

/**
 * Where `ids` part from llama.cpp's: a step's number, or `undefined` if they do not. Throws unless the step is a
 * proven tie: both tokens are llama.cpp's top two there, within 0.1 in log-probability.
 */
export function partsAt(golden: GoldenPrompt, ids: number[]): number | undefined {
  const step = golden.ids.findIndex((id, index) => ids[index] !== id);
  if (step === -1) return undefined;
  const [first, second] = golden.top[step] ?? [];
  const isTie =
    first !== undefined &&
    second !== undefined &&
    first[0] === golden.ids[step] &&
    second[0] === ids[step] &&
    first[1] - second[1] <= TIE;
  if (!isTie) {
    throw new Error(
      `${golden.name}, step ${step}: token ${ids[step]}, llama.cpp has ${golden.ids[step]}; its top is ${JSON.stringify(golden.top[step])}`,
    );
  }
  return step;
}
