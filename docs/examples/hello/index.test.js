import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import plugin from './index.js';

test('says hello in the corner of the picture, and takes the words away again', async () => {
  const commands = new Map();
  const ran = [];
  plugin.activate({
    settings: { 'hello.seconds': 0 },
    subscriptions: { use: () => {} },
    commands: { run: async (id, args) => ran.push([id, args.text]) },
    registerCommand: (command) => commands.set(command.id, command),
  });
  assert.deepEqual(await commands.get('hello.say').run({ to: 'Ada' }), { text: 'Hello, Ada!' });
  while (ran.length < 2) await sleep(5);
  assert.deepEqual(ran, [
    ['label.set', 'Hello, Ada!'],
    ['label.set', ''],
  ]);
});
