/** @type {import('musecam/api').Plugin} */
export default {
  activate(context) {
    let timer;
    context.registerCommand({
      id: 'hello.say',
      async run({ to = 'everybody' }) {
        const text = `Hello, ${to}!`;
        await context.commands.run('label.set', { text });
        clearTimeout(timer);
        const milliseconds = context.settings['hello.seconds'] * 1000;
        timer = setTimeout(() => context.commands.run('label.set', { text: '' }), milliseconds);
        return { text };
      },
    });
    context.subscriptions.use(() => clearTimeout(timer));
  },
};
