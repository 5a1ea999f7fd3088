import { invalid, type TidegateError } from './errors.js';
import { onlyKnown } from './options.js';
import type { ChatRequest, Message } from './types.gen.js';

const FIELDS = [
  'messages',
  'model',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'seed',
  'stop',
] as const;

const ROLES = ['system', 'user', 'assistant'];

/**
 * Checks a request and copies it, so that a caller who changes it later does not change what is sent.
 *
 * A field that Tidegate would not honour is an `invalid-request` error: an ignored `tools` would be a wrong
 * answer. Messages name the field and never its value, which may be the person's text.
 */
export function parseRequest(request: ChatRequest): ChatRequest {
  onlyKnown('request', request, FIELDS);
  if (!Array.isArray(request.messages) || request.messages.length === 0) {
    throw invalid('request.messages: expected at least one message');
  }
  const parsed: ChatRequest = { messages: request.messages.map(parseMessage) };
  if (request.model !== undefined) parsed.model = text('model', request.model);
  if (request.stream !== undefined) parsed.stream = flag('stream', request.stream);
  if (request.stream_options !== undefined) {
    onlyKnown('request.stream_options', request.stream_options, ['include_usage']);
    const { include_usage } = request.stream_options;
    if (request.stream !== true) throw invalid('request.stream_options needs stream: true');
    parsed.stream_options =
      include_usage === undefined
        ? {}
        : { include_usage: flag('stream_options.include_usage', include_usage) };
  }
  if (request.max_tokens !== undefined && request.max_completion_tokens !== undefined) {
    throw invalid('request.max_tokens and request.max_completion_tokens are the same thing; give one');
  }
  const limit = request.max_completion_tokens ?? request.max_tokens;
  if (limit !== undefined) parsed.max_tokens = integer('max_tokens', limit, 1, 0xffff_ffff);
  if (request.temperature !== undefined)
    parsed.temperature = number('temperature', request.temperature, 0, 2);
  if (request.top_p !== undefined) parsed.top_p = number('top_p', request.top_p, 0, 1);
  if (request.top_k !== undefined) parsed.top_k = integer('top_k', request.top_k, 0, 0xffff_ffff);
  if (request.seed !== undefined) parsed.seed = integer('seed', request.seed, 0, 0xffff_ffff);
  if (request.stop !== undefined) {
    const stops = Array.isArray(request.stop) ? request.stop : [request.stop];
    if (stops.some((stop) => typeof stop !== 'string' || stop === '')) {
      throw invalid('request.stop: expected a text or a list of texts, none of them empty');
    }
    parsed.stop = stops;
  }
  return parsed;
}

function parseMessage(message: Message, index: number): Message {
  const name = `request.messages[${index}]`;
  onlyKnown(name, message, ['role', 'content']);
  if (!ROLES.includes(message.role)) throw invalid(`${name}.role: expected one of ${ROLES.join(', ')}`);
  if (typeof message.content !== 'string') {
    throw invalid(`${name}.content: expected a string; parts and images are not supported`);
  }
  if (!message.content.isWellFormed()) {
    throw invalid(`${name}.content: holds half a surrogate pair; use String.prototype.toWellFormed()`);
  }
  return { role: message.role, content: message.content };
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(`request.${name}: expected a string`);
  return value;
}

function flag(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(`request.${name}: expected true or false`);
  return value;
}

function number(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw range(name, 'a number', least, most);
  return value;
}

function integer(name: string, value: unknown, least: number, most: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw range(name, 'a whole number', least, most);
  }
  return value as number;
}

function range(name: string, what: string, least: number, most: number): TidegateError {
  return invalid(`request.${name}: expected ${what} from ${least} to ${most}`);
}
