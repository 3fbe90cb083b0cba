import { byId } from './build-element.js';

/**
 * Takes files that are dropped anywhere on the page, with a sheet over it that says so while they hover.
 * @param isReady whether files are welcome just now. @param onFile called with the first of them.
 */
export function createDropAnywhere(isReady, onFile) {
  const sheet = byId('drop');
  /** Enter and leave come for every element on the way: only when as many have left as entered is the file gone. */
  let depth = 0;

  const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
  const show = (isShown) => {
    sheet.hidden = !isShown;
  };

  document.addEventListener('dragenter', (event) => {
    if (!hasFiles(event)) return;
    depth++;
    show(isReady());
  });
  document.addEventListener('dragleave', (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) show(false);
  });
  document.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    // Also where nothing is taken: a browser would open the file and leave this page.
    event.preventDefault();
    event.dataTransfer.dropEffect = isReady() ? 'copy' : 'none';
  });
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show(false);
    const file = event.dataTransfer.files[0];
    if (file && isReady()) onFile(file);
  });
}
