import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Which room may import which others. Imports look only downward; a plugin never looks at another one. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  base: [],
  api: ['base'],
  media: ['api', 'base'],
  onnx: ['api', 'base'],
  avatar: ['onnx', 'media', 'api', 'base'],
  live: ['media', 'api', 'base'],
  host: ['api', 'base'],
  plugins: ['onnx', 'media', 'avatar', 'api', 'base'],
  app: ['plugins', 'host', 'live', 'avatar', 'onnx', 'media', 'api', 'base'],
};

const source = join(import.meta.dirname, '../../src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.startsWith('media/kernel/'))
  .sort();

/** The room of a path under src: for plugins with the plugin's own folder. */
function roomOf(path: string): { room: string; plugin: string | undefined } {
  const [room = '', next] = path.split('/');
  return { room, plugin: room === 'plugins' ? next : undefined };
}

function importsOf(path: string): string[] {
  const text = readFileSync(join(source, path), 'utf8');
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  return found.filter((name) => name.length > 0);
}

function violationsOf(path: string): string[] {
  const from = roomOf(path);
  return importsOf(path).flatMap((name) => {
    if (!name.startsWith('.')) {
      const isAllowed = from.room !== 'base' || name.startsWith('node:');
      return isAllowed ? [] : [`${path} imports ${name}: base knows nothing but Node`];
    }
    const target = relative(source, join(source, dirname(path), name));
    if (target.startsWith('..')) return [];
    const to = roomOf(target);
    if (to.room === from.room && to.plugin === from.plugin) return [];
    if (to.room === from.room) return [`${path} imports another plugin: ${target}`];
    return rooms[from.room]?.includes(to.room)
      ? []
      : [`${path} imports ${target}: ${from.room} may not look at ${to.room}`];
  });
}

describe('the house', () => {
  it('has only the rooms of the table', () => {
    expect(new Set(files.map((path) => roomOf(path).room))).toEqual(new Set(Object.keys(rooms)));
    // Guards against a walk that silently sees nothing.
    expect(files.length).toBeGreaterThan(60);
  });

  it('imports only downward', () => {
    expect(files.flatMap(violationsOf)).toEqual([]);
  });

  it('sees a planted violation', () => {
    expect(roomOf('plugins/wav/index.ts')).toEqual({ room: 'plugins', plugin: 'wav' });
    expect(importsOf('live/show.ts')).toContain('../api/media.ts');
    expect(rooms.host).not.toContain('live');
  });
});
