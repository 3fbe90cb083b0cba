import type { CommandSummary } from '../../api/plugin.ts';

/** The part of an OpenAPI document that commands make. */
export interface CommandDescriptions {
  /** By path. */
  readonly paths: Readonly<Record<string, unknown>>;
  /** Schemas of the arguments, by the command's id. */
  readonly schemas: Readonly<Record<string, unknown>>;
}

const RESPONSES = {
  200: {
    description: 'What the command returns; null where it returns nothing.',
    content: { 'application/json': { schema: {} } },
  },
  '4XX': {
    description: 'Refused: why, and what to do.',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } },
  },
};
/** The same for every command, where its id is known only while running. */
const ANY_COMMAND = {
  operationId: 'runCommand',
  summary: 'Run a command by its id',
  tags: ['Commands'],
  parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
  requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
  responses: RESPONSES,
};

/** One operation for each command, `POST /api/commands/<id>` with its arguments as the body, and one for any of them. */
export function describeCommands(commands: readonly CommandSummary[]): CommandDescriptions {
  const paths: Record<string, unknown> = { '/api/commands/{id}': { post: ANY_COMMAND } };
  const schemas: Record<string, unknown> = {};
  for (const command of commands) {
    const { id } = command;
    const { $schema: _, ...args } = (command.args ?? {}) as Record<string, unknown>;
    paths[`/api/commands/${id}`] = { post: describeCommand(command) };
    schemas[id] = settle(args, `#/components/schemas/${id}`);
  }
  return { paths, schemas };
}

function describeCommand({ id, title, category, args, ...others }: CommandSummary): object {
  const required = (args as { required?: readonly string[] } | undefined)?.required ?? [];
  return {
    operationId: id,
    summary: title,
    tags: [category],
    ...extensionsOf(others),
    requestBody: {
      required: required.length > 0,
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${id}` } } },
    },
    responses: RESPONSES,
  };
}

/** Whatever else the table says of a command, under names that OpenAPI leaves to others. */
function extensionsOf(others: object): object {
  const named = Object.entries(others).filter(([, value]) => value !== undefined);
  return Object.fromEntries(named.map(([name, value]) => [`x-musecam-${name}`, value]));
}

/** A schema moved to its place in the document: what refers to its own root or definitions is made to find them there. */
function settle(schema: unknown, place: string): unknown {
  if (Array.isArray(schema)) return schema.map((part) => settle(part, place));
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => {
      const isOwnRef = name === '$ref' && typeof value === 'string' && value.startsWith('#');
      return [name, isOwnRef ? place + value.slice(1) : settle(value, place)];
    }),
  );
}
