/** Looked back on: half an hour of one value a second. */
const WINDOW = 1800;
/** With less, the slope says more about noise than about drift: 1 ms of it is 3 ms an hour over five minutes. */
const LEAST_SECONDS = 300;
const SECONDS_PER_HOUR = 3600;

/** How fast a value wanders, by the straight line through the last half hour. Memory is fixed. */
export class DriftMeter {
  readonly #seconds = new Float64Array(WINDOW);
  readonly #values = new Float64Array(WINDOW);
  #count = 0;

  /** Notes a value, about once a second. @param nowMs when, on any clock, in ms. */
  record(nowMs: number, value: number): void {
    this.#seconds[this.#count % WINDOW] = nowMs / 1000;
    this.#values[this.#count % WINDOW] = value;
    this.#count++;
  }

  /** What it changes by in an hour, in the value's unit; undefined in the first five minutes. */
  get perHour(): number | undefined {
    const seconds = this.#seconds.subarray(0, Math.min(this.#count, WINDOW));
    const values = this.#values.subarray(0, seconds.length);
    const middle = mean(seconds);
    const level = mean(values);
    let [both, square, first, last] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const [n, second] of seconds.entries()) {
      both += (second - middle) * (values[n]! - level);
      square += (second - middle) ** 2;
      first = Math.min(first, second);
      last = Math.max(last, second);
    }
    return last - first < LEAST_SECONDS ? undefined : (both / square) * SECONDS_PER_HOUR;
  }
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
