import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SettingEntry } from '../../../src/app/settings-store.ts';
import { findChromium, needBrowser, RealBrowser } from '../../fakes/browser.ts';
import { PanelStand } from './panel-stand.ts';

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
  let browser: RealBrowser | undefined;
  let stand: PanelStand | undefined;
  let page: Page | undefined;

  beforeAll(async () => {
    if (findChromium()) browser = await RealBrowser.open();
  });
  afterAll(() => browser?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await page?.context().close();
    await stand?.[Symbol.asyncDispose]();
  });

  async function visit() {
    stand = await PanelStand.open();
    for (const entry of entries) stand.settings.set(entry.key, entry);
    stand.play();
    page = await browser!.openPage({ bypassCSP: true });
    await page.goto(stand.address);
    await page.getByRole('button', { name: 'Settings' }).click();
    const field = (key: string) => page!.getByLabel(key, { exact: true });
    await field('show.labelText').waitFor();
    const changes = () => stand!.ran;
    return { stand, page, field, changes };
  }

  it('shows every setting with its value and when it counts, and finds them by words', async (context) => {
    needBrowser(context);
    const { page, field } = await visit();
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
    needBrowser(context);
    const { page, field, changes } = await visit();
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
    needBrowser(context);
    const { page, field, changes } = await visit();
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
    needBrowser(context);
    const { page } = await visit();
    await page.addScriptTag({ content: axe.source });
    const found = await page.evaluate<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>(
      'axe.run()',
    );
    const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 160))])).toEqual([]);
  });
});
