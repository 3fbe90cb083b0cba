/**
 * Lights a height field (z towards the camera, px) and writes the result as SVG scan lines:
 * one thin rectangle per row, filled by a linear gradient whose stops are the lit colours.
 * Colours are worked out in linear light and encoded as sRGB.
 */
import { clamp01 } from './geometry.mjs';
import { hex, num, rgbOf } from './svg.mjs';

/** sRGB 0..255 to linear 0..1. */
const toLinear = (v) => (v <= 10.31475 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4);

/** Linear 0..1 to sRGB 0..255. */
const toSrgb = (v) => 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);

/** Linear rgb of #rrggbb. */
export const linearOf = (text) => rgbOf(text).map(toLinear);

/** Mix of two linear colours. */
export const tint = (base, other, t) => base.map((v, c) => v + (other[c] - v) * t);

const unit = (v) => {
  const l = Math.hypot(...v);
  return v.map((c) => c / l);
};

/** Samples fn(x, y) on a grid of `step` px over bounds [x0, y0, x1, y1]. */
export function sampleGrid(fn, [x0, y0, x1, y1], step) {
  const w = Math.round((x1 - x0) / step) + 1;
  const h = Math.round((y1 - y0) / step) + 1;
  const data = new Float32Array(w * h);
  for (let j = 0; j < h; j += 1) for (let i = 0; i < w; i += 1) data[j * w + i] = fn(x0 + i * step, y0 + j * step);
  return { data, w, h, x0, y0, step };
}

/** Three box passes, close to a Gaussian of the given deviation (in grid cells). */
export function blurGrid(grid, deviation) {
  const r = Math.max(1, Math.round(deviation));
  const pass = (src, stride, count, lines, lineStride) => {
    const out = new Float32Array(src.length);
    for (let l = 0; l < lines; l += 1) {
      for (let i = 0; i < count; i += 1) {
        let sum = 0;
        for (let k = -r; k <= r; k += 1) sum += src[l * lineStride + Math.min(count - 1, Math.max(0, i + k)) * stride];
        out[l * lineStride + i * stride] = sum / (2 * r + 1);
      }
    }
    return out;
  };
  let data = grid.data;
  for (let k = 0; k < 2; k += 1) data = pass(pass(data, 1, grid.w, grid.h, grid.w), grid.w, grid.h, grid.w, 1);
  return { ...grid, data };
}

/** Bilinear lookup with clamped edges. */
export function lookUp(grid, x, y) {
  const u = Math.min(grid.w - 1.001, Math.max(0, (x - grid.x0) / grid.step));
  const v = Math.min(grid.h - 1.001, Math.max(0, (y - grid.y0) / grid.step));
  const i = Math.floor(u);
  const j = Math.floor(v);
  const p = j * grid.w + i;
  const a = grid.data[p] + (grid.data[p + 1] - grid.data[p]) * (u - i);
  const b = grid.data[p + grid.w] + (grid.data[p + grid.w + 1] - grid.data[p + grid.w]) * (u - i);
  return a + (b - a) * (v - j);
}

/** Share of an area light (direction, angular spread) that reaches (x, y, z) past the occluder height function. */
function visibleShare(x, y, z, light, occluder) {
  const samples = light.samples ?? 9;
  let open = 0;
  for (let s = 0; s < samples; s += 1) {
    const angle = s * 2.39996;
    const radius = light.spread * Math.sqrt((s + 0.5) / samples);
    const d = unit([light.dir[0] + radius * Math.cos(angle), light.dir[1] + radius * Math.sin(angle), light.dir[2]]);
    let blocked = 0;
    for (let t = 5; t < 170; t += 3 + t * 0.06) {
      const over = occluder(x + d[0] * t, y + d[1] * t) - (z + d[2] * t);
      if (over > 0 && over < 90) blocked = Math.max(blocked, clamp01(over / 3));
    }
    open += 1 - blocked;
  }
  return open / samples;
}

/**
 * Lights a surface. scene: { height(x,y), bounds, step, occluder?(x,y), albedo(x,y) -> linear rgb, gloss?(x,y), lights, ambient,
 * wrap: rgb extra wrap of the terminator (light bleeding through skin) }. Returns three channel grids of sRGB values.
 */
export function lightSurface(scene) {
  const { bounds, step } = scene;
  const z = blurGrid(sampleGrid(scene.height, bounds, step), scene.soften ?? 1);
  const around = [blurGrid(z, 14 / step), blurGrid(z, 34 / step)];
  const out = [0, 1, 2].map(() => ({ ...z, data: new Float32Array(z.data.length) }));
  const occluder = scene.occluder ?? ((x, y) => lookUp(z, x, y));
  for (let j = 0; j < z.h; j += 1) {
    for (let i = 0; i < z.w; i += 1) {
      const p = j * z.w + i;
      const x = z.x0 + i * step;
      const y = z.y0 + j * step;
      const dzdx = (z.data[j * z.w + Math.min(z.w - 1, i + 1)] - z.data[j * z.w + Math.max(0, i - 1)]) / (2 * step);
      const dzdy = (z.data[Math.min(z.h - 1, j + 1) * z.w + i] - z.data[Math.max(0, j - 1) * z.w + i]) / (2 * step);
      const n = unit([-dzdx, -dzdy, 1]);
      const cavity = clamp01(
        1 -
          (scene.cavity ?? 1) *
            (Math.max(0, around[0].data[p] - z.data[p]) / 26 + Math.max(0, around[1].data[p] - z.data[p]) / 80),
      );
      const color = litColor(scene, { x, y, z: z.data[p], n, cavity }, occluder);
      for (let c = 0; c < 3; c += 1) out[c].data[p] = color[c];
    }
  }
  return out;
}

function litColor(scene, { x, y, z, n, cavity }, occluder) {
  const albedo = scene.albedo(x, y);
  const gloss = scene.gloss?.(x, y) ?? 0;
  const sky = 0.5 - 0.5 * n[1];
  const energy = [0, 1, 2].map((c) => (scene.ambient.sky[c] * sky + scene.ambient.ground[c] * (1 - sky)) * cavity);
  let shine = 0;
  for (const light of scene.lights) {
    const d = unit(light.dir);
    const cos = n[0] * d[0] + n[1] * d[1] + n[2] * d[2];
    const open = light.shadow ? visibleShare(x, y, z, light, occluder) : 1;
    for (let c = 0; c < 3; c += 1) {
      const w = scene.wrap[c] * (light.soft ?? 1);
      const diffuse = Math.max(0, (cos + w) / (1 + w));
      const through = 1 - (1 - open) * (light.shadow ?? 0) * (1 - scene.wrap[c] * 0.35);
      energy[c] += light.color[c] * diffuse * through * (0.5 + 0.5 * cavity);
    }
    const half = unit([d[0], d[1], d[2] + 1]);
    const spec = Math.max(0, n[0] * half[0] + n[1] * half[1] + n[2] * half[2]);
    shine += gloss * (light.shine ?? 0) * (0.55 * spec ** 14 + 0.7 * spec ** 48) * open * cavity;
  }
  const rim = scene.rim ? scene.rim.amount * Math.max(0, n[0] * scene.rim.side) ** 2.2 * (1 - n[2]) ** 1.2 : 0;
  return [0, 1, 2].map((c) => {
    const v = albedo[c] * energy[c] + shine * (scene.shineColor?.[c] ?? 1) + rim * (scene.rim?.color[c] ?? 0);
    return toSrgb(clamp01(v / (1 + 0.18 * v)));
  });
}

/** Keeps the end stops and those where straight interpolation would be off by more than `tolerance` sRGB steps. */
function simplifyStops(colors, tolerance) {
  const keep = new Set([0, colors.length - 1]);
  const visit = (a, b) => {
    let worst = tolerance;
    let at = -1;
    for (let i = a + 1; i < b; i += 1) {
      const t = (i - a) / (b - a);
      const off = Math.max(
        ...colors[i].map((v, c) => Math.abs(v - (colors[a][c] + (colors[b][c] - colors[a][c]) * t))),
      );
      if (off > worst) [worst, at] = [off, i];
    }
    if (at < 0) return;
    keep.add(at);
    visit(a, at);
    visit(at, b);
  };
  visit(0, colors.length - 1);
  return [...keep].sort((a, b) => a - b);
}

/** Scan lines of the lit surface: { defs, body }. rowPx is the height of a row; blur the body by about half of it. */
export function scanLines(id, channels, [x0, y0, x1, y1], { rowPx = 3, columnPx = 3, tolerance = 1.6 } = {}) {
  let defs = `<linearGradient id="${id}" gradientUnits="userSpaceOnUse" x1="${num(x0)}" y1="0" x2="${num(x1)}" y2="0"/>`;
  let body = '';
  const count = Math.round((x1 - x0) / columnPx) + 1;
  for (let y = y0, row = 0; y < y1; y += rowPx, row += 1) {
    const colors = Array.from({ length: count }, (_, i) =>
      channels.map((g) => lookUp(g, x0 + ((x1 - x0) * i) / (count - 1), y + rowPx / 2)),
    );
    const stops = simplifyStops(colors, tolerance)
      .map((i) => `<stop offset="${num(i / (count - 1), 3).replace(/^0\./, '.')}" stop-color="${hex(colors[i])}"/>`)
      .join('');
    defs += `<linearGradient id="${id}${row}" href="#${id}">${stops}</linearGradient>`;
    body += `<path d="M${num(x0)} ${num(y)}H${num(x1)}V${num(y + rowPx + 0.6)}H${num(x0)}Z" fill="url(#${id}${row})"/>`;
  }
  return { defs, body };
}
