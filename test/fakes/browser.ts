import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { TestContext } from 'vitest';
import { need } from './need.ts';

/** Names under which Chromium and its kin lie on PATH. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];
const FIXED_PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
/** No GPU, no start page, and nothing that looks up hosts on the internet by itself. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-default-apps',
];

/** In an emulated machine it takes a minute, in ms. */
const START_LIMIT_MS = 150_000;

/** Path of a Chromium on this machine: `MUSECAM_CHROMIUM`, then PATH, then where macOS keeps it. */
export function findChromium(): string | undefined {
  const { MUSECAM_CHROMIUM: given, PATH: path = '' } = process.env;
  if (given) return existsSync(given) ? given : undefined;
  const onPath = path.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...FIXED_PLACES].find((candidate) => existsSync(candidate));
}

/** Skips a test with the reason where there is no browser. */
export function needBrowser(context: Pick<TestContext, 'skip'>): void {
  need(context, findChromium() !== undefined, 'Chromium (Debian: apt-get install chromium)');
}

/** A real browser. Pages opened in it are closed with it. */
export class RealBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Starts a headless Chromium with an empty profile. @param flags more of its own. */
  static async open(flags: readonly string[] = []): Promise<RealBrowser> {
    const executablePath = findChromium();
    if (executablePath === undefined) throw new Error('there is no Chromium on this machine');
    return new RealBrowser(
      await chromium.launch({ executablePath, args: [...FLAGS, ...flags], timeout: START_LIMIT_MS }),
    );
  }

  /** A tab in a window of its own: no cookies, nothing stored. */
  async openPage(options: BrowserContextOptions = {}): Promise<Page> {
    const window = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    return window.newPage();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
