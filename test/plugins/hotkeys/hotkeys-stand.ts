import { z } from 'zod';
import type { Keybinding } from '../../../src/api/keybinding.ts';
import type { LinkStatus, ShowStatus } from '../../../src/api/status.ts';
import { silentLog } from '../../../src/base/log.ts';
import { CommandTable } from '../../../src/host/commands.ts';
import type { HotkeyWay } from '../../../src/plugins/hotkeys/hotkey-protocol.ts';
import { Hotkeys } from '../../../src/plugins/hotkeys/hotkeys.ts';

/** Hotkeys with a table of commands that keeps what was run. Dispose to end them. */
export class HotkeysStand implements AsyncDisposable {
  readonly commands = new CommandTable();
  /** What was run, in order: `avatar.useNumber 2`. */
  readonly runs: string[] = [];
  readonly status: { panic: boolean } = { panic: false };
  /** What the page was told, in order. */
  readonly links: LinkStatus[] = [];
  bindings: readonly Keybinding[];
  hotkeys!: Hotkeys;

  private constructor(bindings: readonly Keybinding[]) {
    this.bindings = bindings;
    const keep = (id: string) =>
      this.commands.register({
        id,
        title: `Do ${id}`,
        args: z.object({ number: z.number().optional() }).loose(),
        run: async ({ number }) => void this.runs.push(number === undefined ? id : `${id} ${number}`),
      });
    for (const id of ['avatar.useNumber', 'avatar.next', 'show.panic']) keep(id);
    this.commands.register({
      id: 'keybindings.list',
      title: 'Keys',
      args: z.object({}).loose(),
      run: async () => ({ bindings: this.bindings, warnings: [] }),
    });
  }

  /** Opens them; they may not be ready yet. */
  static async open(
    way: HotkeyWay,
    environment: NodeJS.ProcessEnv,
    bindings: readonly Keybinding[],
  ): Promise<HotkeysStand> {
    const stand = new HotkeysStand(bindings);
    stand.hotkeys = await Hotkeys.open({
      ...{ way, environment, commands: stand.commands, log: silentLog },
      status: {
        get current() {
          return stand.status as unknown as ShowStatus;
        },
        onDidChange: () => ({ [Symbol.dispose]() {} }),
      },
      reportLink: (link) => {
        if (link) stand.links.push(link);
      },
    });
    return stand;
  }

  /** What the page shows now. */
  get link(): LinkStatus | undefined {
    return this.links.at(-1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hotkeys[Symbol.asyncDispose]();
  }
}

/** Entries for tests: global, by key. */
export function globalKey(key: string, command: string, more: Partial<Keybinding> = {}): Keybinding {
  return { key, command, global: true, source: 'default', ...more };
}
