import { invalid, type TidegateError } from './errors.js';
import { onlyKnown } from './fields.js';
import type { ChatRequest, Message, ResponseFormat, Tool, ToolCall } from './types.gen.js';

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
  'min_p',
  'repetition_penalty',
  'frequency_penalty',
  'presence_penalty',
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'n',
  'response_format',
  'tools',
  'tool_choice',
  'seed',
  'stop',
] as const;

const ROLES = ['system', 'user', 'assistant', 'tool'];

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
  if (request.min_p !== undefined) parsed.min_p = number('min_p', request.min_p, 0, 1);
  if (request.repetition_penalty !== undefined) {
    parsed.repetition_penalty = number('repetition_penalty', request.repetition_penalty, 0.01, 10);
  }
  if (request.frequency_penalty !== undefined) {
    parsed.frequency_penalty = number('frequency_penalty', request.frequency_penalty, -2, 2);
  }
  if (request.presence_penalty !== undefined) {
    parsed.presence_penalty = number('presence_penalty', request.presence_penalty, -2, 2);
  }
  if (request.logit_bias !== undefined) parsed.logit_bias = logitBias(request.logit_bias);
  if (request.logprobs !== undefined) parsed.logprobs = flag('logprobs', request.logprobs);
  if (request.top_logprobs !== undefined) {
    if (request.logprobs !== true) throw invalid('request.top_logprobs needs logprobs: true');
    parsed.top_logprobs = integer('top_logprobs', request.top_logprobs, 0, 20);
  }
  if (request.n !== undefined) parsed.n = integer('n', request.n, 1, 16);
  if (request.response_format !== undefined) {
    parsed.response_format = responseFormat(request.response_format);
    if (request.response_format.type !== 'text' && request.stop !== undefined) {
      throw invalid('request.response_format: not together with stop, which could cut the answer');
    }
  }
  parseTools(request, parsed);
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
  onlyKnown(name, message, ['role', 'content', 'tool_calls', 'tool_call_id']);
  if (!ROLES.includes(message.role)) throw invalid(`${name}.role: expected one of ${ROLES.join(', ')}`);
  const calls = message.tool_calls;
  // OpenAI's shape has null where an answer is nothing but calls.
  const content = calls !== undefined && (message.content as unknown) === null ? '' : message.content;
  if (typeof content !== 'string') {
    throw invalid(`${name}.content: expected a string; parts and images are not supported`);
  }
  if (!content.isWellFormed()) {
    throw invalid(`${name}.content: holds half a surrogate pair; use String.prototype.toWellFormed()`);
  }
  const parsed: Message = { role: message.role, content };
  if (calls !== undefined) {
    if (message.role !== 'assistant' || !Array.isArray(calls)) {
      throw invalid(`${name}.tool_calls: expected a list, in a message of role assistant`);
    }
    parsed.tool_calls = calls.map((call, at) => parseCall(`${name}.tool_calls[${at}]`, call));
  }
  if ((message.role === 'tool') !== (typeof message.tool_call_id === 'string')) {
    throw invalid(`${name}.tool_call_id: expected in messages of role tool, and only there`);
  }
  if (message.tool_call_id !== undefined) parsed.tool_call_id = message.tool_call_id;
  return parsed;
}

function parseCall(name: string, call: ToolCall): ToolCall {
  onlyKnown(name, call, ['id', 'type', 'function']);
  onlyKnown(`${name}.function`, call.function, ['name', 'arguments']);
  const { id, function: called } = call;
  if (typeof id !== 'string' || typeof called.name !== 'string' || typeof called.arguments !== 'string') {
    throw invalid(`${name}: expected texts for id, function.name and function.arguments`);
  }
  return { id, type: 'function', function: { name: called.name, arguments: called.arguments } };
}

/** Tools and the choice among them, checked against each other. */
function parseTools(request: ChatRequest, parsed: ChatRequest): void {
  const { tools, tool_choice: choice } = request;
  if (tools !== undefined) {
    if (!Array.isArray(tools) || tools.length === 0) {
      throw invalid('request.tools: expected at least one, or leave it out');
    }
    parsed.tools = tools.map((tool, at) => parseTool(`request.tools[${at}]`, tool));
    if (new Set(parsed.tools.map((tool) => tool.function.name)).size < tools.length) {
      throw invalid('request.tools: two functions have the same name');
    }
    if (request.response_format !== undefined && request.response_format.type !== 'text') {
      throw invalid('request.response_format: not together with tools');
    }
  }
  if (choice === undefined) return;
  if (typeof choice === 'object') {
    onlyKnown('request.tool_choice', choice, ['type', 'function']);
    onlyKnown('request.tool_choice.function', choice.function, ['name']);
    const { name } = choice.function;
    if (!parsed.tools?.some((tool) => tool.function.name === name)) {
      throw invalid('request.tool_choice: names no function of tools');
    }
    parsed.tool_choice = { type: 'function', function: { name } };
  } else {
    if (!['none', 'auto', 'required'].includes(choice)) {
      throw invalid('request.tool_choice: expected none, auto, required or a function');
    }
    if (choice !== 'none' && tools === undefined) throw invalid('request.tool_choice needs tools');
    parsed.tool_choice = choice;
  }
  if (choice !== 'none' && choice !== 'auto' && request.stop !== undefined) {
    throw invalid('request.tool_choice: a required call is not possible together with stop');
  }
}

function parseTool(name: string, tool: Tool): Tool {
  onlyKnown(name, tool, ['type', 'function']);
  if (tool.type !== 'function') throw invalid(`${name}.type: expected function`);
  onlyKnown(`${name}.function`, tool.function, ['name', 'description', 'parameters', 'strict']);
  const { name: title, description, parameters, strict } = tool.function;
  if (typeof title !== 'string' || title === '') throw invalid(`${name}.function.name: expected a name`);
  const schema = parameters === undefined ? true : jsonSchema(`${name}.function.parameters`, parameters);
  return {
    type: 'function',
    function: {
      name: title,
      ...(description === undefined ? {} : { description }),
      ...(typeof schema === 'boolean' ? {} : { parameters: schema }),
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

function responseFormat(format: ResponseFormat): ResponseFormat {
  const name = 'request.response_format';
  onlyKnown(name, format, ['type', 'json_schema', 'pattern']);
  switch (format.type) {
    case 'text':
    case 'json_object':
      onlyKnown(name, format, ['type']);
      return { type: format.type };
    case 'json_schema': {
      onlyKnown(name, format, ['type', 'json_schema']);
      onlyKnown(`${name}.json_schema`, format.json_schema, ['name', 'description', 'schema', 'strict']);
      const { name: title, description, schema, strict } = format.json_schema;
      if (strict === false) {
        throw invalid(`${name}.json_schema.strict: false is not supported; a schema is always kept to`);
      }
      return {
        type: 'json_schema',
        json_schema: {
          name: text('response_format.json_schema.name', title),
          ...(description === undefined ? {} : { description }),
          schema: jsonSchema(`${name}.json_schema.schema`, schema),
        },
      };
    }
    case 'regex':
      onlyKnown(name, format, ['type', 'pattern']);
      return { type: 'regex', pattern: text('response_format.pattern', format.pattern) };
    default:
      throw invalid(`${name}.type: expected one of text, json_object, json_schema, regex`);
  }
}

/** A copy, as JSON would carry it. */
function jsonSchema(name: string, schema: unknown): Record<string, unknown> | boolean {
  if (typeof schema === 'boolean') return schema;
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw invalid(`${name}: expected a JSON Schema, an object`);
  }
  return JSON.parse(JSON.stringify(schema));
}

function logitBias(bias: unknown): Record<number, number> {
  if (typeof bias !== 'object' || bias === null) {
    throw invalid('request.logit_bias: expected an object of token ids and numbers');
  }
  const entries = Object.entries(bias).map(([id, value]): [number, number] => [
    integer('logit_bias: token id', /^\d+$/.test(id) ? Number(id) : undefined, 0, 0xffff_ffff),
    number('logit_bias', value, -100, 100),
  ]);
  return Object.fromEntries(entries);
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
