import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { readNumberRows } from '../../src/onnx/numpy-pickle.ts';

/**
 * `pickle.dumps([[int32(-3), 5, int64(70000), float64(2.5)], (uint8(9), int16(-2), big-endian int32(7), 1 << 40)])` of
 * numpy 1.26, protocols 2 and 4.
 */
const ROWS = [
  [-3, 5, 70_000, 2.5],
  [9, -2, 7, 2 ** 40],
];
const PROTOCOL_2 = Buffer.from(
  'gAJdcQAoXXEBKGNudW1weS5jb3JlLm11bHRpYXJyYXkKc2NhbGFyCnECY251bXB5CmR0eXBlCnEDWAIAAABpNHEEiYiHcQVScQYoSwNYAQAAADxxB05O' +
    'Tkr/////Sv////9LAHRxCGJjX2NvZGVjcwplbmNvZGUKcQlYCAAAAMO9w7/Dv8O/cQpYBgAAAGxhdGluMXELhnEMUnENhnEOUnEPSwVoAmgDWAIAAABp' +
    'OHEQiYiHcRFScRIoSwNoB05OTkr/////Sv////9LAHRxE2JoCVgIAAAAcBEBAAAAAABxFGgLhnEVUnEWhnEXUnEYaAJoA1gCAAAAZjhxGYmIh3EaUnEb' +
    'KEsDaAdOTk5K/////0r/////SwB0cRxiaAlYCAAAAAAAAAAAAARAcR1oC4ZxHlJxH4ZxIFJxIWUoaAJoA1gCAAAAdTFxIomIh3EjUnEkKEsDWAEAAAB8' +
    'cSVOTk5K/////0r/////SwB0cSZiaAlYAQAAAAlxJ2gLhnEoUnEphnEqUnEraAJoA1gCAAAAaTJxLImIh3EtUnEuKEsDaAdOTk5K/////0r/////SwB0' +
    'cS9iaAlYBAAAAMO+w79xMGgLhnExUnEyhnEzUnE0aAJoBmgJWAQAAAAHAAAAcTVoC4ZxNlJxN4ZxOFJxOYoGAAAAAAABdHE6ZS4=',
  'base64',
);
const PROTOCOL_4 = Buffer.from(
  'gASVUgEAAAAAAABdlChdlCiMFW51bXB5LmNvcmUubXVsdGlhcnJheZSMBnNjYWxhcpSTlIwFbnVtcHmUjAVkdHlwZZSTlIwCaTSUiYiHlFKUKEsDjAE8' +
    'lE5OTkr/////Sv////9LAHSUYkME/f///5SGlFKUSwVoBGgHjAJpOJSJiIeUUpQoSwNoC05OTkr/////Sv////9LAHSUYkMIcBEBAAAAAACUhpRSlGgE' +
    'aAeMAmY4lImIh5RSlChLA2gLTk5OSv////9K/////0sAdJRiQwgAAAAAAAAEQJSGlFKUZShoBGgHjAJ1MZSJiIeUUpQoSwOMAXyUTk5OSv////9K////' +
    '/0sAdJRiQwEJlIaUUpRoBGgHjAJpMpSJiIeUUpQoSwNoC05OTkr/////Sv////9LAHSUYkMC/v+UhpRSlGgEaApDBAcAAACUhpRSlIoGAAAAAAABdJRl' +
    'Lg==',
  'base64',
);

function tryOut(bytes: Buffer): void {
  try {
    for (const row of readNumberRows(bytes, 'rows.pkl', 4)) expect(row).toHaveLength(4);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(AppError);
  }
}

describe('rows of numbers in a pickle', () => {
  it('are read from what numpy and Python wrote, in both protocols', () => {
    expect(readNumberRows(PROTOCOL_2, 'rows.pkl', 4)).toEqual(ROWS);
    expect(readNumberRows(PROTOCOL_4, 'rows.pkl', 4)).toEqual(ROWS);
  });

  it('are read from what numpy 2 wrote, whose numbers live elsewhere', () => {
    const text = PROTOCOL_4.toString('latin1').replace('\x15numpy.core', '\x16numpy._core');
    expect(readNumberRows(Buffer.from(text, 'latin1'), 'rows.pkl', 4)).toEqual(ROWS);
  });

  it('keep the order of bytes that the type says', () => {
    const text = PROTOCOL_4.toString('latin1').replace('\x8c\x01<', '\x8c\x01>');
    expect(readNumberRows(Buffer.from(text, 'latin1'), 'rows.pkl', 4)[0]![0]).toBe(0xfdffffff | 0);
  });

  it('are refused where they have another length, or are anything else', () => {
    expect(() => readNumberRows(PROTOCOL_4, 'rows.pkl', 3)).toThrow('entry 0 is not 3 numbers');
    const text = PROTOCOL_4.toString('latin1').replace('\x06scalar', '\x06_recon');
    expect(() => readNumberRows(Buffer.from(text, 'latin1'), 'rows.pkl', 4)).toThrow('never run');
    const kind = PROTOCOL_4.toString('latin1').replace('\x02i4', '\x02O4');
    expect(() => readNumberRows(Buffer.from(kind, 'latin1'), 'rows.pkl', 4)).toThrow('of the type O4');
  });

  it('give numbers or an error of ours, whatever byte is another one or missing', () => {
    for (const whole of [PROTOCOL_2, PROTOCOL_4])
      for (let at = 0; at < whole.length; at++) {
        tryOut(whole.subarray(0, at));
        for (const value of [0, 0x28, 0x52, 0x65, 0xff]) {
          const changed = Buffer.from(whole);
          changed[at] = value;
          tryOut(changed);
        }
      }
  });
});
