import { definePlugin } from '../../api/plugin.ts';
import { puppetFace } from './face-engine.ts';

export default definePlugin({
  activate(context) {
    context.registerFaceEngine('puppet.face', puppetFace);
  },
});
