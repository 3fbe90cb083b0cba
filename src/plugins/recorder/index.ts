import { definePlugin } from '../../api/plugin.ts';
import { createRecorderOutput } from './output.ts';
import { newRecordingPath } from './recording-path.ts';

export default definePlugin({
  activate(context) {
    const { settings, commands } = context;
    context.registerVideoOutput(
      'recorder.file',
      createRecorderOutput(() => ({ mayOverwrite: settings['recorder.overwrite'] === true })),
    );
    context.registerCommand({
      id: 'recorder.start',
      run: async (args) => {
        const given = (args as { readonly path?: string }).path;
        const path = given ?? (await newRecordingPath(String(settings['recorder.folder'] ?? ''), new Date()));
        await commands.run('output.open', { output: `file:${path}` });
        return { path };
      },
    });
    context.registerCommand({
      id: 'recorder.stop',
      run: () => commands.run('output.close', { output: 'file' }),
    });
  },
});
