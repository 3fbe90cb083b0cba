import { definePlugin } from '../../api/plugin.ts';
import { createRecorderOutput } from './output.ts';

export default definePlugin({
  activate(context) {
    const { settings } = context;
    context.registerVideoOutput(
      'recorder.file',
      createRecorderOutput(() => ({ mayOverwrite: settings['recorder.overwrite'] === true })),
    );
  },
});
