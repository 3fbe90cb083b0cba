import type { Reporter, TestCase, TestModule } from 'vitest/node';

/**
 * Ends a run with the reason of every skipped test, the tests that passed only at another try, and one plain line that any
 * CI can read.
 */
export default class PlainLineReporter implements Reporter {
  readonly #skipped: string[] = [];
  readonly #retried: string[] = [];
  #passed = 0;
  #failed = 0;

  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    if (test.diagnostic()?.flaky) {
      const [first] = result.errors ?? [];
      this.#retried.push(`${test.fullName}: ${first?.message ?? 'no reason given'}`);
    }
    if (result.state === 'passed') this.#passed++;
    else if (result.state === 'failed') this.#failed++;
    else if (result.state === 'skipped') this.#skipped.push(`${test.fullName}: ${result.note ?? 'no reason given'}`);
  }

  onTestModuleEnd(module: TestModule): void {
    // A file that cannot even be loaded holds no tests, but it is a failure.
    if (module.errors().length > 0) this.#failed++;
  }

  onTestRunEnd(): void {
    const lines = this.#skipped.map((line) => `skipped: ${line}`);
    lines.push(...this.#retried.map((line) => `passed at another try: ${line}`));
    lines.push(`${this.#passed} passed, ${this.#failed} failed, ${this.#skipped.length} skipped`);
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}
