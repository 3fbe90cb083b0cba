import { describe, expect, it } from 'vitest';
import { pluginManifestSchema } from '../../src/api/plugin.ts';
import { declaredSettings, nearest, parseSetting, readSettings } from '../../src/host/settings.ts';

const manifest = (id: string, configuration: object) =>
  pluginManifestSchema.parse({ id, title: id, contributes: { configuration } });

const declared = declaredSettings([
  manifest('camera', {
    'camera.widthPx': { type: 'number', default: 1280, minimum: 640, maximum: 1920, description: 'Width.' },
    'camera.format': { type: 'string', default: 'yuyv', enum: ['yuyv', 'i420'], description: 'Format.' },
    'camera.isOn': { type: 'boolean', default: true, description: 'On.' },
  }),
]);

describe('settings', () => {
  it('are the defaults, with given values over them', () => {
    const { values, warnings } = readSettings(declared, { 'camera.widthPx': 640 });
    expect(values).toEqual({ 'camera.widthPx': 640, 'camera.format': 'yuyv', 'camera.isOn': true });
    expect(warnings).toEqual([]);
  });

  it('warn of an unknown key with the nearest known one, and go on', () => {
    const { values, warnings } = readSettings(declared, { 'camera.widhtPx': 640 });
    expect(values['camera.widthPx']).toBe(1280);
    expect(warnings).toEqual(['Unknown setting camera.widhtPx; the nearest known one is camera.widthPx.']);
  });

  it('keep the default for a value that does not fit, and say why', () => {
    const given = { 'camera.widthPx': 99, 'camera.format': 'rgb', 'camera.isOn': 'yes' };
    const { values, warnings } = readSettings(declared, given);
    expect(values).toEqual({ 'camera.widthPx': 1280, 'camera.format': 'yuyv', 'camera.isOn': true });
    expect(warnings).toEqual([
      'camera.widthPx = 99: expected at least 640; using 1280.',
      'camera.format = "rgb": expected one of yuyv, i420; using "yuyv".',
      'camera.isOn = "yes": expected a boolean; using true.',
    ]);
  });

  it('are read from the command line by their declared type', () => {
    expect(parseSetting(declared, 'camera.widthPx=800')).toEqual(['camera.widthPx', 800]);
    expect(parseSetting(declared, 'camera.isOn=false')).toEqual(['camera.isOn', false]);
    expect(parseSetting(declared, 'camera.format=a=b')).toEqual(['camera.format', 'a=b']);
    expect(() => parseSetting(declared, 'camera')).toThrow('expected key=value');
  });

  it('can be words by name', () => {
    const own = declaredSettings([manifest('a', { 'a.map': { type: 'object', default: {}, description: 'Map.' } })]);
    expect(parseSetting(own, 'a.map={"x":"y"}')).toEqual(['a.map', { x: 'y' }]);
    expect(readSettings(own, { 'a.map': { x: 'y' } })).toEqual({ values: { 'a.map': { x: 'y' } }, warnings: [] });
    for (const wrong of [parseSetting(own, 'a.map=x')[1], ['x'], null, { x: 1 }]) {
      const { values, warnings } = readSettings(own, { 'a.map': wrong });
      expect(values).toEqual({ 'a.map': {} });
      expect(warnings[0]).toContain('expected an object of texts');
    }
  });

  it('belong to the plugin that declares them', () => {
    const foreign = { 'other.key': { type: 'number', default: 1, description: 'x' } };
    expect(() => declaredSettings([manifest('camera', foreign)])).toThrow('must begin with');
  });

  it('find the nearest word', () => {
    expect(nearest('jonss', ['mira', 'jonas'])).toBe('jonas');
  });
});
