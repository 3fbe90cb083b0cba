import type { QualityReport } from '../../api/avatar.ts';
import { describeReport } from '../../avatar/report/describe-report.ts';
import { paint } from './terminal.ts';

const COLOURS = { good: 'green', fair: 'yellow', poor: 'red' } as const;

/** Prints a quality report, a line for each measure, with what to do about those that are not good. */
export function printReport(report: QualityReport): void {
  for (const { rating, mark, text, advice } of describeReport(report)) {
    console.log(`  ${paint(COLOURS[rating], mark)}${text.slice(mark.length)}`);
    if (advice) console.log(`      ${advice}`);
  }
}
