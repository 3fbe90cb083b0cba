import { z } from 'zod';
import type { PluginContext } from '../../api/plugin.ts';
import type { ObsControl } from './control.ts';

const nothing = z.object({}).loose();

/** Registers what can be done with OBS. @param control throws where the plugin is switched off. */
export function registerObsCommands(context: Pick<PluginContext, 'registerCommand'>, control: () => ObsControl): void {
  context.registerCommand({
    id: 'obs.setup',
    title: 'Make or repair the MuseCam scene in OBS',
    args: z.object({
      browser: z.boolean().default(false).describe("true: through OBS's Browser Source, where it has one"),
    }),
    run: async ({ browser }) => control().setUp(browser),
  });
  context.registerCommand({
    id: 'obs.remove',
    title: 'Take what MuseCam made out of OBS',
    args: nothing,
    run: async () => control().takeAway(),
  });
  context.registerCommand({
    id: 'obs.camera',
    title: "Start or stop OBS's virtual camera",
    args: z.object({ on: z.boolean().describe('true: start; false: stop') }),
    run: async ({ on }) => control().setCamera(on),
  });
  context.registerCommand({
    id: 'obs.map',
    title: 'Show an avatar whenever a scene of OBS is on',
    args: z.object({ scene: z.string().min(1).describe('name of the scene'), avatar: z.string().describe('id') }),
    run: async ({ scene, avatar }) => {
      await control().map(scene, avatar);
      return { scene, avatar };
    },
  });
  context.registerCommand({
    id: 'obs.unmap',
    title: 'Let a scene of OBS no longer choose the avatar',
    args: z.object({ scene: z.string().min(1).describe('name of the scene') }),
    run: async ({ scene }) => {
      await control().unmap(scene);
      return { scene };
    },
  });
  context.registerCommand({
    id: 'obs.hotkeys.install',
    title: 'Bring hotkeys for MuseCam into OBS',
    args: z.object({
      scene: z.boolean().default(false).describe('true: as the items of a scene, for an OBS that runs no scripts'),
    }),
    run: async ({ scene }) => {
      const { hotkeys } = control();
      return scene ? hotkeys.installScene() : hotkeys.installScript();
    },
  });
  context.registerCommand({
    id: 'obs.hotkeys.remove',
    title: 'Take the hotkeys for MuseCam out of OBS',
    args: nothing,
    run: async () => control().hotkeys.remove(),
  });
  context.registerCommand({
    id: 'obs.hotkeys.status',
    title: 'Whether OBS has hotkeys for MuseCam, and the last press',
    args: nothing,
    run: async () => control().hotkeys.report(),
  });
  context.registerCommand({
    id: 'obs.microphone',
    title: 'Keep a microphone of OBS in step with the picture',
    args: z.object({
      input: z.string().min(1).optional().describe('name of the input in OBS; left out: only tell'),
      off: z.boolean().default(false).describe('true: leave all inputs alone, with their offsets as they were'),
    }),
    run: async ({ input, off }) => {
      const microphone = await control().microphone;
      if (off) return microphone?.leave();
      return input === undefined ? microphone?.report() : microphone?.choose(input);
    },
  });
  context.registerCommand({
    id: 'obs.status',
    title: 'How the connection to OBS is doing',
    args: nothing,
    run: async () => control().report(),
  });
}
