import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, type TestContext } from 'vitest';
import { findChromium, needBrowser, RealBrowser } from '../../fakes/browser.ts';
import { PanelStand, type StandOptions } from './panel-stand.ts';

/** A stand and its page, opened in a real browser. */
export interface Visit {
  readonly stand: PanelStand;
  readonly page: Page;
}

/** How to visit. */
export interface VisitOptions extends StandOptions {
  /** Changes the stand before the page is opened. */
  readonly prepare?: (stand: PanelStand) => void;
  readonly window?: BrowserContextOptions;
}

/** One browser for a group of tests; what this returns opens a stand's page in it, live, and skips without a browser. */
export function usePanelPage(): (context: Pick<TestContext, 'skip'>, options?: VisitOptions) => Promise<Visit> {
  let browser: RealBrowser | undefined;
  const opened: Visit[] = [];
  beforeAll(async () => {
    if (findChromium()) browser = await RealBrowser.open();
  });
  afterAll(() => browser?.[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const { page, stand } of opened.splice(0)) {
      await page.context().close();
      await stand[Symbol.asyncDispose]();
    }
  });
  return async (context, { prepare, window, ...options } = {}) => {
    needBrowser(context);
    const stand = await PanelStand.open(options);
    prepare?.(stand);
    stand.play();
    const page = await browser!.openPage(window);
    opened.push({ stand, page });
    await page.goto(stand.address);
    await page.locator('.stage[data-picture="live"]').waitFor();
    return { stand, page };
  };
}
