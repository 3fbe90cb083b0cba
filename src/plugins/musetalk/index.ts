import { definePlugin } from '../../api/plugin.ts';
import { musetalkFace } from './open-musetalk.ts';

export default definePlugin({
  activate(context) {
    context.registerFaceEngine('musetalk.face', musetalkFace);
  },
});
