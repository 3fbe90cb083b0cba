/**
 * The outcome of `work`, unless it takes longer; what it does afterwards is nobody's business any more.
 * @throws Error "no answer within N s".
 */
export function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs / 1000} s`)), deadlineMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
