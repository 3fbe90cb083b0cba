import { describe, expect, it } from 'vitest';
import { type Voice, VoiceGate } from '../../../src/plugins/musetalk/voice-gate.ts';
import { readWav } from '../../fakes/read-wav.ts';
import { makeVoice } from '../../media/voice.ts';
import { seededValues } from '../../onnx/seeded.ts';

const LOOK_AHEAD_SAMPLES = 2600;
const BEFORE_SAMPLES = 32_000;
const dB = (level: number) => 10 ** (level / 20);

function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** A fan: noise through a low-pass (corner about 800 Hz), at a level in dBFS. */
function makeFan(seconds: number, levelDb: number): Float32Array {
  const white = seededValues('fan', [Math.round(seconds * 16_000)]);
  let low = 0;
  const fan = white.map((value) => {
    low += 0.27 * (value - low);
    return low;
  });
  const scale = dB(levelDb) / rms(fan);
  return fan.map((value) => value * scale);
}

/** The voice of the goldens, one phrase of 1 s (three syllables), at a level in dBFS. */
function makePhrase(levelDb: number): Float32Array {
  const phrase = makeVoice(16_000);
  const scale = dB(levelDb) / rms(phrase);
  return phrase.map((value) => value * scale);
}

function silence(seconds: number): Float32Array {
  return new Float32Array(Math.round(seconds * 16_000));
}

function join(...parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function mix(under: Float32Array, over: Float32Array, atSeconds: number): Float32Array {
  const out = under.slice();
  over.forEach((value, i) => {
    out[atSeconds * 16_000 + i]! += value;
  });
  return out;
}

/** The sound a gate hears around a frame; zeros before the start, as the tape gives them. */
function around(sound: Float32Array, frame: number, lookAhead: number) {
  const start = frame * 640 - BEFORE_SAMPLES;
  const samples = new Float32Array(BEFORE_SAMPLES + lookAhead);
  for (let i = Math.max(0, -start); i < samples.length; i++) samples[i] = sound[start + i] ?? 0;
  return { samples, start };
}

interface Listening {
  readonly lookAhead?: number;
  readonly leaveOut?: (frame: number) => boolean;
}

function judge(sound: Float32Array, { lookAhead = LOOK_AHEAD_SAMPLES, leaveOut }: Listening = {}) {
  const gate = new VoiceGate(lookAhead);
  const voices: (Voice | undefined)[] = [];
  for (let frame = 0; (frame + 1) * 640 + lookAhead <= sound.length; frame++)
    voices.push(leaveOut?.(frame) ? undefined : gate.hear(around(sound, frame, lookAhead), frame));
  return { gate, voices };
}

const gains = (sound: Float32Array, listening?: Listening) =>
  judge(sound, listening).voices.map((voice) => voice?.gain ?? Number.NaN);
const frameAt = (seconds: number) => Math.floor(seconds * 25);

describe('the voice gate', () => {
  it('is shut in digital silence', () => {
    expect(Math.max(...gains(silence(4)))).toBe(0);
  });

  it('does not take a steady fan for a voice, be it there from the start or switched on later', () => {
    expect(Math.max(...gains(makeFan(8, -40)))).toBe(0);
    expect(Math.max(...gains(join(silence(2), makeFan(6, -40))))).toBe(0);
    const later = gains(join(makeFan(3, -62), makeFan(10, -40)));
    expect(Math.max(...later.slice(frameAt(3 + 5)))).toBe(0);
  });

  it('hears a voice 12 dB above the fan, all of it, and shuts again', () => {
    const sound = mix(makeFan(9, -40), makePhrase(-28), 4);
    const heard = gains(sound);
    expect(Math.max(...heard.slice(0, frameAt(3.9)))).toBe(0);
    // The three syllables, from where the first is 8 dB above the fan.
    expect(Math.min(...heard.slice(frameAt(4.08), frameAt(5)))).toBe(1);
    expect(Math.max(...heard.slice(frameAt(5.5)))).toBe(0);
  });

  for (const [title, lookAhead] of [
    ['the usual look-ahead', LOOK_AHEAD_SAMPLES],
    ['the least there is', 1960],
  ] as const)
    it(`is fully open in the frame in which a voice sets in, wherever in it, with ${title}`, () => {
      const phrase = makePhrase(-24);
      const loudFrom = phrase.findIndex((_, i) => rms(phrase.subarray(i, i + 160)) > dB(-40));
      for (let offset = 0; offset < 640; offset += 80) {
        const room = makeFan(3 + offset / 16_000, -62);
        const heard = gains(join(room, phrase, silence(1)), { lookAhead });
        const onset = Math.floor((room.length + loudFrom) / 640);
        expect(heard[onset], `onset ${offset} samples into a frame`).toBe(1);
        // And not much too early either.
        expect(heard[onset - 4]).toBe(0);
      }
    });

  it('hears a recording that begins with a voice at once', () => {
    const heard = gains(join(makePhrase(-20), silence(1)));
    expect(Math.min(...heard.slice(2, 25))).toBe(1);
  });

  it('opens within two frames and closes within five, 240 ms after the voice', () => {
    const vowel = Float32Array.from({ length: 8000 }, (_, i) => 0.1 * Math.sin((2 * Math.PI * 150 * i) / 16_000));
    const { voices } = judge(join(makeFan(2, -62), vowel, makeFan(2, -62)));
    const first = voices.findIndex((voice) => voice!.gain > 0);
    expect(voices.slice(first - 1, first + 3).map((voice) => voice!.gain)).toEqual([0, 0.5, 1, 1]);
    const over = voices.findIndex((voice, frame) => frame > first && !voice!.speaking);
    // The vowel ends with frame 61, in the middle of it.
    expect(over).toBe(62 + 7);
    expect(voices.slice(over - 1, over + 6).map((voice) => voice!.gain)).toEqual([1, 0.8, 0.6, 0.4, 0.2, 0, 0]);
  });

  it('stays open over the gaps between syllables', () => {
    const heard = gains(join(makeFan(2, -62), makePhrase(-26), makePhrase(-26), makeFan(1, -62)));
    expect(Math.min(...heard.slice(frameAt(2.1), frameAt(3.9)))).toBe(1);
  });

  it('is not opened by clicks', () => {
    const room = makeFan(5, -62);
    for (let click = 0; click < 10; click++) {
      const at = 16_000 + click * 5003;
      // 15 ms, dying away.
      for (let i = 0; i < 240; i++) room[at + i]! += 0.5 * Math.exp(-i / 60) * Math.sin(i);
    }
    expect(Math.max(...gains(room))).toBe(0);
  });

  it('is not opened by quiet talk from elsewhere, below -45 dBFS', () => {
    expect(Math.max(...gains(join(makeFan(2, -75), makePhrase(-56), silence(1))))).toBe(0);
  });

  it('is not misled by a microphone with a constant part', () => {
    const room = makeFan(5, -62).map((value) => value + 0.2);
    expect(Math.max(...gains(room))).toBe(0);
    expect(Math.max(...gains(mix(room, makePhrase(-26), 2)))).toBe(1);
  });

  it('judges a long vowel as a voice for 5 s at least', () => {
    const vowel = Float32Array.from({ length: 80_000 }, (_, i) => 0.1 * Math.sin((2 * Math.PI * 150 * i) / 16_000));
    const heard = gains(join(makeFan(3, -62), vowel, makeFan(1, -62)));
    expect(Math.min(...heard.slice(frameAt(3.1), frameAt(7.9)))).toBe(1);
  });

  it('gives the same answers when frames are left out', () => {
    const sound = join(makeFan(2, -50), makePhrase(-26), makeFan(2, -50), makePhrase(-30), makeFan(1, -50));
    const all = gains(sound);
    for (const leaveOut of [
      (frame: number) => frame % 2 === 1,
      (frame: number) => (frame * 7) % 5 > 1,
      (frame: number) => frame > 40 && frame < 70,
    ]) {
      const some = gains(sound, { leaveOut });
      const expected = all.map((gain, frame) => (leaveOut(frame) ? Number.NaN : gain));
      expect(some).toEqual(expected);
    }
  });

  it('answers the same when a frame is asked for twice', () => {
    const sound = join(makeFan(2, -62), makePhrase(-26), silence(1));
    const gate = new VoiceGate(LOOK_AHEAD_SAMPLES);
    for (let frame = 0; frame < 60; frame++) {
      const voice = gate.hear(around(sound, frame, LOOK_AHEAD_SAMPLES), frame);
      expect(gate.hear(around(sound, frame, LOOK_AHEAD_SAMPLES), frame)).toEqual(voice);
    }
  });

  it('forgets voice and noise when reset', () => {
    const { gate } = judge(makeFan(4, -40));
    expect(gate.floorDb).toBeGreaterThan(-44);
    expect(gate.floorDb).toBeLessThan(-38);
    gate.reset();
    expect(gate.floorDb).toBe(-65);
    const phrase = join(makePhrase(-30), silence(1));
    expect(gate.hear(around(phrase, 5, LOOK_AHEAD_SAMPLES), 5).speaking).toBe(true);
  });

  it('goes on after a gap longer than the sound reaches back, knowing the noise', () => {
    const { gate, voices } = judge(makeFan(4, -40));
    const fan = makeFan(20, -40);
    const frame = voices.length + 200;
    expect(gate.hear(around(fan, frame, LOOK_AHEAD_SAMPLES), frame).gain).toBe(0);
    expect(gate.floorDb).toBeGreaterThan(-44);
  });

  for (const [title, noiseDb] of [
    ['as recorded', -100],
    ['over a fan at -42 dBFS', -42],
  ] as const)
    it(`shows every loud frame of the welcome speech in full, and pauses in its pauses, ${title}`, () => {
      const speech = readWav('src/app/welcome.wav');
      const sound = mix(makeFan(2 + speech.length / 16_000, noiseDb), speech, 2);
      const heard = gains(sound);
      const clipped = heard.filter(
        (gain, frame) => gain < 1 && rms(sound.subarray(frame * 640, frame * 640 + 640)) > dB(-33),
      );
      expect(clipped).toEqual([]);
      // Seven pauses between sentences, the beginning and the end.
      const closings = heard.filter((gain, frame) => gain === 0 && (heard[frame - 1] ?? 0) > 0).length;
      expect(closings).toBeGreaterThanOrEqual(6);
    });

  it('says how loud the voice is, for the meter', () => {
    const { voices } = judge(join(makeFan(2, -62), makePhrase(-20), makeFan(2, -62)));
    expect(Math.max(...voices.map((voice) => voice!.openness))).toBeGreaterThan(0.7);
    expect(voices[20]!.openness).toBe(0);
    expect(voices.at(-1)!.openness).toBe(0);
  });
});
