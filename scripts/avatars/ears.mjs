/** Ears beside the head, seen from the front: helix, bowl and lobe. Local px. */
import { clip, curvePath, group, linear, path } from './svg.mjs';

/** One ear: { defs, body }; e: { x, top, bottom, out, light, mid, dark } with `out` the stand-off from the head in px. */
export function drawEar(side, e) {
  const id = side < 0 ? 'earR' : 'earL';
  const h = e.bottom - e.top;
  const at = (u, v) => [side * (e.x + u * e.out), e.top + v * h];
  const outline = curvePath(
    [
      at(-0.9, 0.05),
      at(0.05, -0.02),
      at(0.72, 0.04),
      at(1, 0.22),
      at(0.96, 0.46),
      at(0.72, 0.68),
      at(0.5, 0.9),
      at(0.18, 1),
      at(-0.3, 0.95),
      at(-0.9, 0.8),
    ],
    true,
  );
  const helix = curvePath([at(0.02, 0.16), at(0.4, 0.12), at(0.7, 0.24), at(0.7, 0.46), at(0.5, 0.66)]);
  const bowl = curvePath([at(-0.2, 0.3), at(0.22, 0.32), at(0.44, 0.48), at(0.32, 0.68), at(-0.1, 0.72)], true);
  return {
    defs:
      linear(`${id}Fill`, at(-0.6, 0), at(1, 0.4), [
        [0, e.dark],
        [0.5, e.mid],
        [1, e.light],
      ]) + clip(`${id}Clip`, outline),
    body:
      path(outline, { fill: `url(#${id}Fill)` }) +
      group(
        { clipPath: `url(#${id}Clip)` },
        path(bowl, { fill: e.deep, opacity: 0.55, filter: 'url(#soft2)' }),
        path(helix, { fill: 'none', stroke: e.deep, strokeWidth: 2.6, opacity: 0.5, filter: 'url(#soft1)' }),
        path(curvePath([at(0.1, 0.05), at(0.7, 0.1), at(0.92, 0.26), at(0.88, 0.46), at(0.66, 0.68)]), {
          fill: 'none',
          stroke: e.shine,
          strokeWidth: 2,
          opacity: 0.5,
          filter: 'url(#soft1)',
        }),
        path(curvePath([at(0.5, 0.86), at(0.2, 0.98), at(-0.3, 0.95)]), {
          fill: 'none',
          stroke: e.deep,
          strokeWidth: 3,
          opacity: 0.35,
          filter: 'url(#soft2)',
        }),
      ),
  };
}
