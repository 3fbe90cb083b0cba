/** node scripts/avatars/render.mjs <id> <out.png>: renders avatars/<id>/source.svg at 1280x720. */
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const [id, out] = process.argv.slice(2);
if (!id || !out) {
  console.error('Usage: node scripts/avatars/render.mjs <id> <out.png>');
  process.exit(1);
}
const source = fileURLToPath(new URL(`../../avatars/${id}/source.svg`, import.meta.url));
await sharp(source, { unlimited: true }).resize(1280, 720).removeAlpha().png().toFile(out);
