/**
 * The part of the WebAssembly JavaScript API that the pixel kernel uses. Node has it, but `@types/node` only names it and
 * the DOM library, which declares it, does not belong into a daemon.
 */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
}
