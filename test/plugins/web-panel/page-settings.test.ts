import { describe, expect, it, type TestContext, vi } from 'vitest';
import type { SettingEntry } from '../../../src/app/settings-store.ts';
import { findBarriers } from './find-barriers.ts';
import { usePanelPage } from './page-visit.ts';
import type { PanelStand } from './panel-stand.ts';

const entries: readonly SettingEntry[] = [
  {
    key: 'show.labelText',
    type: 'string',
    default: '',
    value: 'AI',
    source: 'file',
    description: 'Words in the corner.',
    applies: 'live',
  },
  {
    key: 'show.crossFadeFrames',
    type: 'number',
    default: 5,
    minimum: 0,
    maximum: 50,
    value: 5,
    source: 'default',
    description: 'Over how many frames one avatar fades.',
    applies: 'restart',
  },
  {
    key: 'obs.enabled',
    type: 'string',
    default: 'auto',
    enum: ['auto', 'on', 'off'],
    value: 'auto',
    source: 'command line',
    description: 'Whether OBS is talked to.',
    applies: 'restart',
  },
  {
    key: 'obs.switchScene',
    type: 'boolean',
    default: false,
    value: false,
    source: 'default',
    description: 'Whether avatars switch scenes.',
    applies: 'restart',
  },
  {
    key: 'obs.scenes',
    type: 'object',
    default: {},
    value: {},
    source: 'default',
    description: 'Which avatar each scene shows.',
    applies: 'restart',
  },
];

describe('the settings editor', () => {
  const open = usePanelPage();

  async function visit(context: TestContext) {
    const prepare = ({ settings }: PanelStand) => {
      for (const entry of entries) settings.set(entry.key, entry);
    };
    const { stand, page } = await open(context, { prepare, window: { bypassCSP: true } });
    await page.getByRole('button', { name: 'Settings' }).click();
    const field = (key: string) => page.getByLabel(key, { exact: true });
    await field('show.labelText').waitFor();
    return { page, field, changes: () => stand.ran };
  }

  it('shows every setting with its value and when it counts, and finds them by words', async (context) => {
    const { page, field } = await visit(context);
    expect(await field('show.labelText').inputValue()).toBe('AI');
    expect(await field('obs.enabled').inputValue()).toBe('auto');
    expect(await field('obs.scenes').inputValue()).toBe('{}');
    const label = page.locator('.setting', { has: field('show.labelText') });
    expect(await label.locator('.setting-when').textContent()).toBe('at once');
    expect(await label.getAttribute('data-source')).toBe('file');
    await page.getByLabel('Find a setting').fill('scene avatar');
    await vi.waitFor(async () => expect(await page.locator('.setting:visible').count()).toBe(2));
    await page.getByLabel('Find a setting').fill('nothing like it');
    await page.getByText('There is no such setting.').waitFor();
  });

  it('changes values of every kind, and sets them back', async (context) => {
    const { page, field, changes } = await visit(context);
    await field('show.crossFadeFrames').fill('8');
    await page.keyboard.press('Tab');
    await field('obs.switchScene').check();
    await field('obs.enabled').selectOption('on');
    await field('obs.scenes').fill('{"Talk": "mira"}');
    await page.keyboard.press('Tab');
    await vi.waitFor(() =>
      expect(changes()).toEqual([
        { id: 'settings.set', args: { key: 'show.crossFadeFrames', value: 8 } },
        { id: 'settings.set', args: { key: 'obs.switchScene', value: true } },
        { id: 'settings.set', args: { key: 'obs.enabled', value: 'on' } },
        { id: 'settings.set', args: { key: 'obs.scenes', value: { Talk: 'mira' } } },
      ]),
    );
    const label = page.locator('.setting', { has: field('show.labelText') });
    await label.getByRole('button', { name: 'Default' }).click();
    await vi.waitFor(async () => expect(await field('show.labelText').inputValue()).toBe(''));
    expect(await label.getByRole('button', { name: 'Default' }).isVisible()).toBe(false);
  });

  it('says what is wrong with a value, and keeps nothing of it', async (context) => {
    const { page, field, changes } = await visit(context);
    await field('show.crossFadeFrames').fill('13');
    await page.keyboard.press('Tab');
    await page.getByText('show.crossFadeFrames = 13: expected at most 12.').waitFor();
    expect(await field('show.crossFadeFrames').getAttribute('aria-invalid')).toBe('true');
    await field('obs.scenes').fill('{"Talk": ');
    await page.keyboard.press('Tab');
    await page.getByText('That is no value for it.').waitFor();
    expect(changes()).toHaveLength(1);
  });

  it('has no barrier that is serious', async (context) => {
    const { page } = await visit(context);
    expect(await findBarriers(page)).toEqual([]);
  });
});
