/** White, yellow, cyan, green, magenta, red, blue, black: the bars of EBU colour bars at full level, as RGB. */
const BARS = [0xffffff, 0xffff00, 0x00ffff, 0x00ff00, 0xff00ff, 0xff0000, 0x0000ff, 0x000000];
const SIZE = { width: 64, height: 64 };
/** Loudness between which the bars grow, in dB of full scale. */
const [QUIET_DB, LOUD_DB] = [-50, -10];

/** @type {import('musecam/api').Plugin} */
export default {
  activate(context) {
    context.registerFaceEngine('test-pattern.bars', { open: async () => new BarsEngine() });
  },
};

/** @implements {import('musecam/api').OpenFaceEngine} */
class BarsEngine {
  /** Seconds of sound before and after a frame. */
  context = { before: 0.02, after: 0.02 };
  #boxes = new Map();
  #pixels = new Uint8Array(SIZE.width * SIZE.height * 3);

  async load({ id, manifest }) {
    this.#boxes.set(id, manifest.faceBoxes);
  }

  async unload(id) {
    this.#boxes.delete(id);
  }

  async hear({ frame, samples }) {
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const levelDb = 10 * Math.log10(power + 1e-10);
    const openness = Math.min(1, Math.max(0, (levelDb - QUIET_DB) / (LOUD_DB - QUIET_DB)));
    return { frame, speaking: openness > 0, openness, width: 0, closure: 0, data: new Float32Array() };
  }

  /** Nothing in silence: then the avatar's own face is the right one. */
  async draw({ frame, openness }, { avatarId, index }) {
    if (openness === 0) return undefined;
    const { width, height } = SIZE;
    for (let at = 0; at < width * height; at++) {
      const [x, y] = [at % width, Math.floor(at / width)];
      const colour = height - y <= openness * height ? BARS[Math.floor((x * BARS.length) / width)] : 0x808080;
      this.#pixels.set([colour >> 16, (colour >> 8) & 0xff, colour & 0xff], at * 3);
    }
    const rect = this.#boxes.get(avatarId)[index];
    return { frame, avatarId, rect, format: 'rgb24', data: this.#pixels, size: SIZE };
  }

  async [Symbol.asyncDispose]() {}
}
