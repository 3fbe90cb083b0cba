import { z } from 'zod';
import type { PluginContext } from '../../api/plugin.ts';
import type { ObsControl } from './control.ts';

const nothing = z.object({}).loose();

/** Registers what can be done with OBS. @param control throws where the plugin is switched off. */
export function registerObsCommands(context: Pick<PluginContext, 'registerCommand'>, control: () => ObsControl): void {
  context.registerCommand({
    id: 'obs.setup',
    title: 'Make or repair the MuseCam scene in OBS',
    args: nothing,
    run: async () => control().setUp(),
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
    id: 'obs.status',
    title: 'How the connection to OBS is doing',
    args: nothing,
    run: async () => control().report(),
  });
}
