import type { ParseJson } from './parse-json.ts';
import { refusalOf } from './refusal.ts';

/** Numbers of errors: the protocol's own, and one for everything that MuseCam refuses. */
export const RPC_CODES = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  refused: -32000,
} as const;

/** Most calls in one batch. */
const BATCH_LIMIT = 32;
/** The protocol's numbers where one of our codes means the same; every other refusal is `refused`. */
const RPC_CODE_BY_CODE: Readonly<Record<string, number>> = {
  NO_SUCH_COMMAND: RPC_CODES.methodNotFound,
  BAD_ARGUMENTS: RPC_CODES.invalidParams,
  WEB_BAD_REQUEST: RPC_CODES.parseError,
  WEB_INTERNAL: RPC_CODES.internalError,
};

/** An error of the protocol itself. */
export class RpcFault extends Error {
  readonly code: number;
  readonly data: { readonly code?: string; readonly fix?: string } | undefined;

  constructor(code: number, message: string, data?: RpcFault['data']) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** Runs one call. What it throws becomes the call's error. */
export type RpcHandler = (method: string, params: object | undefined) => Promise<unknown>;

type RpcId = string | number | null;

/**
 * Answers one JSON-RPC 2.0 message: a call or a batch, whose calls run one after the other, in order.
 * @returns the answer as JSON; undefined where nothing was to be answered, because only notifications came.
 */
export async function answerRpc(text: string, parse: ParseJson, handle: RpcHandler): Promise<string | undefined> {
  let message: unknown;
  try {
    message = parse(text);
    if (Array.isArray(message)) checkBatch(message);
  } catch (thrown) {
    return errorJson(null, faultOf(thrown));
  }
  if (!Array.isArray(message)) return answerOne(message, handle);
  const answers: string[] = [];
  for (const call of message) {
    const answer = await answerOne(call, handle);
    if (answer !== undefined) answers.push(answer);
  }
  return answers.length > 0 ? `[${answers.join(',')}]` : undefined;
}

/** A message that nobody asked for, as JSON. @param params an object, as JSON. */
export function buildNotification(method: string, params: string): string {
  return `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${params}}`;
}

function checkBatch(batch: readonly unknown[]): void {
  if (batch.length === 0) throw new RpcFault(RPC_CODES.invalidRequest, 'The batch is empty.');
  if (batch.length <= BATCH_LIMIT) return;
  throw new RpcFault(RPC_CODES.invalidRequest, `The batch has ${batch.length} calls; at most ${BATCH_LIMIT} may be.`);
}

async function answerOne(call: unknown, handle: RpcHandler): Promise<string | undefined> {
  const { jsonrpc, id, method, params } = (typeof call === 'object' && call !== null ? call : {}) as RawCall;
  const isIdKnown = typeof id === 'string' || typeof id === 'number' || id === null;
  const isCall =
    jsonrpc === '2.0' &&
    typeof method === 'string' &&
    (id === undefined || isIdKnown) &&
    (params === undefined || (typeof params === 'object' && params !== null));
  if (!isCall) {
    const fault = new RpcFault(RPC_CODES.invalidRequest, 'This is no call of JSON-RPC 2.0.');
    return errorJson(isIdKnown ? id : null, fault);
  }
  let answer: string;
  try {
    const result = JSON.stringify((await handle(method, params)) ?? null);
    answer = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
  } catch (thrown) {
    answer = errorJson(id ?? null, faultOf(thrown));
  }
  return id === undefined ? undefined : answer;
}

interface RawCall {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: object | null;
}

/** Bugs are told without their insides, as everywhere. */
function faultOf(thrown: unknown): RpcFault {
  if (thrown instanceof RpcFault) return thrown;
  const { code, message, fix } = refusalOf(thrown);
  const data = { code, ...(fix === undefined ? {} : { fix }) };
  return new RpcFault(RPC_CODE_BY_CODE[code] ?? RPC_CODES.refused, message, data);
}

function errorJson(id: RpcId, { code, message, data }: RpcFault): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, ...(data ? { data } : {}) } });
}
