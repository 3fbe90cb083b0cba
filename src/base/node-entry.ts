import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** How to start one of our own modules as a process of its own. */
export interface NodeEntry {
  /** Absolute path for `fork` or `spawn(process.execPath, …)`. */
  readonly path: string;
  /** Flags for Node before the path: none for compiled code, the TypeScript loader when running from source. */
  readonly execArgv: readonly string[];
}

/**
 * Finds a module beside the caller, whether we run compiled (`.js`) or from source (`.ts` under tsx or vitest).
 * @param callerUrl the caller's `import.meta.url`.
 * @param relative path without extension, for example `./engine-host-process`.
 */
export function findNodeEntry(callerUrl: string, relative: string): NodeEntry {
  const isSource = callerUrl.endsWith('.ts');
  const path = fileURLToPath(new URL(relative + (isSource ? '.ts' : '.js'), callerUrl));
  if (!isSource) return { path, execArgv: [] };
  const loader = pathToFileURL(createRequire(callerUrl).resolve('tsx')).href;
  return { path, execArgv: ['--import', loader] };
}
