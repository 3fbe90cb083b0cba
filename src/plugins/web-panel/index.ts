import { definePlugin } from '../../api/plugin.ts';
import { AppError } from '../../base/errors.ts';

/**
 * The control page as a video output, `web` or `web:PORT`. Its server is imported when the output is opened, so that a
 * show without the page does not pay for it.
 */
export default definePlugin({
  activate(context) {
    context.registerVideoOutput('web-panel.page', {
      list: async () => [],
      open: async (options, signal) => {
        const { openWebPanel } = await import('./open-web-panel.ts');
        const { surface } = context;
        if (!surface) throw new AppError('NO_SHOW', 'The control page needs a running show.');
        return openWebPanel({ ...context, ...surface }, options, signal);
      },
    });
  },
});
