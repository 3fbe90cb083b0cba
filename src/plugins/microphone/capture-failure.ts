/** Why a back end delivers no sound. Inside this plugin only: what leaves it is an AppError or a health report. */
export class CaptureFailure extends Error {
  /** `missing`: the back end is not installed; `no-device`: it finds nothing to open; `broken`: anything else. */
  readonly kind: 'missing' | 'no-device' | 'broken';

  constructor(kind: 'missing' | 'no-device' | 'broken', message: string) {
    super(message);
    this.kind = kind;
  }
}
