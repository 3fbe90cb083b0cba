import axe from 'axe-core';
import type { Page } from 'playwright-core';

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Serious barriers for people with disabilities that axe-core finds on a page, in dark and in light; the page must let it in. */
export async function findBarriers(page: Page): Promise<readonly (readonly [string, readonly string[]])[]> {
  await page.addScriptTag({ content: axe.source });
  const found: (readonly [string, readonly string[]])[] = [];
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await page.evaluate<{ violations: readonly Violation[] }>('axe.run()');
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    found.push(...serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 160))] as const));
  }
  return found;
}
