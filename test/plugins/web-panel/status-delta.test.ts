import { describe, expect, it } from 'vitest';
import { buildStatusMessage, fieldsOf } from '../../../src/plugins/web-panel/status-delta.ts';
import { makeStatus } from './panel-stand.ts';

describe('a status message', () => {
  it('tells a newcomer everything, exactly as the status is', () => {
    const status = makeStatus();
    expect(JSON.parse(buildStatusMessage(undefined, fieldsOf(status)))).toEqual({ type: 'status', status });
  });

  it('tells a listener only what changed', () => {
    const before = fieldsOf(makeStatus());
    const now = fieldsOf(makeStatus({ levelDb: -3, speaking: false }));
    expect(JSON.parse(buildStatusMessage(before, now))).toEqual({
      type: 'status',
      status: { levelDb: -3, speaking: false },
    });
  });

  it('is empty but whole when nothing changed', () => {
    const same = fieldsOf(makeStatus());
    expect(buildStatusMessage(same, fieldsOf(makeStatus()))).toBe('{"type":"status","status":{}}');
  });
});
