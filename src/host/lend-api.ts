import { register } from 'node:module';

/**
 * Lets plugins import `musecam/api` wherever they lie, without installing this program beside them: the name means the API
 * of the program that runs them. For this process, from now on.
 */
export function lendApi(): void {
  const isSource = import.meta.url.endsWith('.ts');
  const api = new URL(isSource ? '../api/index.ts' : '../api/index.js', import.meta.url).href;
  const hooks = `
    export async function resolve(specifier, context, next) {
      return next(specifier === 'musecam/api' ? ${JSON.stringify(api)} : specifier, context);
    }`;
  register(`data:text/javascript,${encodeURIComponent(hooks)}`);
}
