import type { Refusal } from './refusal.ts';

/**
 * What a person sees who opened the page in a way that is refused: the reason and what to do, in words.
 * Needs no token and tells nothing but the refusal.
 */
export function buildRefusalPage(refusal: Refusal): string {
  const title = refusal.status === 401 ? 'This address needs its key' : 'This did not work';
  const help =
    refusal.status === 401
      ? `<p>MuseCam prints the right address when it starts. Look in the terminal where it runs for a line like this,
         and open that:</p>
         <p><code>http://127.0.0.1:4747/?token=…</code></p>
         <p>The key changes every time MuseCam starts, so an old bookmark or tab does not work any more.</p>`
      : '';
  const fix = refusal.fix && refusal.status !== 401 ? `<p>${escapeHtml(refusal.fix)}</p>` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>MuseCam: ${title}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
</head>
<body class="refusal">
<main>
<img src="/icon.svg" alt="" width="56" height="56">
<h1>${title}</h1>
<p>${escapeHtml(refusal.message)}</p>
${help}${fix}
<p class="refusal-code">${escapeHtml(refusal.code)}</p>
</main>
</body>
</html>
`;
}

/**
 * Leads on to the clean address from our own document. Used where the visit began on another site: there a plain
 * redirect would arrive without its new cookie, because SameSite=Strict looks at where the journey began.
 */
export function buildOnwardPage(): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>MuseCam</title><meta http-equiv="refresh" content="0; url=/"></head>
<body><p><a href="/">Continue to MuseCam</a></p></body></html>
`;
}

/** Text made safe for HTML content. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
