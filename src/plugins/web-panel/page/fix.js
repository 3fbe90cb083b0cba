import { build } from './build-element.js';

/**
 * What of a fix is to be typed: what stands in backticks, or what follows a colon and looks like a command; otherwise
 * undefined.
 */
function commandIn(fix) {
  const quoted = /`([^`]+)`/.exec(fix)?.[1];
  return (
    quoted ??
    /(?:^|: )((?:sudo|musecam|npm|npx|node|apt|brew|systemctl|modprobe|v4l2-ctl|ffmpeg)\b.*?)\.?$/.exec(fix)?.[1]
  );
}

/** A fix in words; where there is a command in it, that is set apart, with a button that copies it. */
export function buildFix(fix) {
  const command = commandIn(fix);
  const words = command ? fix.replace(`\`${command}\``, command) : fix;
  const at = command ? words.lastIndexOf(command) : -1;
  const sentence =
    at < 0
      ? [words]
      : [words.slice(0, at), build('code', {}, command), words.slice(at + command.length).replace(/^\.$/, '')];
  return build('div', { class: 'fix' }, build('p', {}, ...sentence), command ? buildCopyButton(command) : undefined);
}

/** A button that copies text and says that it did. */
export function buildCopyButton(text) {
  const button = build('button', { type: 'button', class: 'copy', 'aria-label': `Copy: ${text}` }, 'Copy');
  button.addEventListener('click', async () => {
    const isCopied = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    button.textContent = isCopied ? 'Copied' : 'Press Ctrl+C';
    if (!isCopied) selectText(button.parentElement.querySelector('code') ?? button.previousElementSibling);
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 1_600);
  });
  return button;
}

function selectText(element) {
  if (element) getSelection()?.selectAllChildren(element);
}
