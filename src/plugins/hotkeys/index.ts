import { z } from 'zod';
import { definePlugin } from '../../api/plugin.ts';
import { messageOf } from '../../base/errors.ts';
import { chooseWay } from './choose-way.ts';
import { Hotkeys } from './hotkeys.ts';

export default definePlugin({
  async activate(context) {
    const { settings, subscriptions, log } = context;
    let hotkeys: Hotkeys | undefined;
    let whyNot = '';

    const open = async () => {
      await hotkeys?.[Symbol.asyncDispose]();
      hotkeys = undefined;
      if (settings['hotkeys.enabled'] === false) {
        whyNot = 'they are switched off (hotkeys.enabled)';
        return;
      }
      const chosen = chooseWay(String(settings['hotkeys.via'] ?? 'auto'), process.platform, process.env);
      if (!chosen.way) {
        whyNot = chosen.why;
        return log.info(`no hotkeys: ${chosen.why}`);
      }
      const { commands, status, reportLink } = context;
      hotkeys = await Hotkeys.open({ way: chosen.way, commands, status, log, reportLink });
    };
    const tell = () => hotkeys?.report ?? { link: undefined, keys: [], why: whyNot };

    // One after another, also when two settings change at once.
    let work = open();
    const next = (job: () => Promise<void>) => {
      work = work.then(job).catch((thrown) => log.warn(messageOf(thrown)));
      return work;
    };
    subscriptions.use(async () => {
      await next(async () => hotkeys?.[Symbol.asyncDispose]());
    });
    subscriptions.use(context.onDidChangeSettings(() => void next(open)));
    context.registerCommand({
      id: 'hotkeys.status',
      args: z.object({}).loose(),
      run: async () => tell(),
    });
    context.registerCommand({
      id: 'hotkeys.reload',
      args: z.object({}).loose(),
      run: async () => {
        await next(async () => hotkeys?.reload());
        return tell();
      },
    });
    await work;
  },
});
