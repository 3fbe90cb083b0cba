import type { Control } from './controls.ts';
import { bell, smoothstep } from './curves.ts';
import type { Face, Move, Vertex } from './face-description.ts';
import { RING_VERTICES_AT } from './mesh.ts';

/** The lips' arch over the mouth: 1 in the middle, 0 at the corners and beyond. */
function archOf({ off }: Vertex): number {
  return off < 1 ? (1 - off * off) ** 0.55 : 0;
}

/** Share of a lip move that reaches a lip vertex: the inner edge only under the arch, outer rows a little at the corners too. */
function lipShare(vertex: Vertex, atCorners: number): number {
  return Math.max(archOf(vertex), vertex.row > 0 ? atCorners : 0);
}

/** 1 for vertices of the face, 0 for the rings around it. */
function skinOf(vertex: Vertex): number {
  return vertex.index >= RING_VERTICES_AT ? 0 : 1;
}

/** Direction from the mouth's middle to its corners and beyond, fading into the cheek. */
function outwardsOf({ side, off }: Vertex): number {
  return Math.sign(side) * (off < 1 ? off : bell(off - 1, 0.7));
}

function wideMove(vertex: Vertex): Move {
  const { off, below, lip } = vertex;
  const near = bell(below, 0.85) * skinOf(vertex);
  const lift = -0.07 * Math.min(1, off) ** 2 * bell(Math.max(0, off - 1), 0.6) * near;
  const thin = lip === 'upper' || lip === 'lower' ? 0.1 * below : 0;
  return [outwardsOf(vertex) * near * 0.17, lift - thin];
}

/** Corners in. Pushed forward, lips look fuller and leave a round opening. */
function roundMove(vertex: Vertex): Move {
  const { off, below, lip, row } = vertex;
  const near = bell(below, 0.85) * skinOf(vertex);
  const inwards = -outwardsOf(vertex) * near * 0.36;
  if (lip === 'upper') return [inwards, (-0.05 - 0.02 * row) * lipShare(vertex, 0.15)];
  if (lip === 'lower') return [inwards, (0.03 + 0.025 * row) * lipShare(vertex, 0.15)];
  if (lip === 'corner' || off >= 1) return [inwards, 0];
  return [inwards, Math.sign(below) * 0.08 * bell(below, 0.6) * archOf(vertex) * skinOf(vertex)];
}

function pressMove(vertex: Vertex, face: Face): Move {
  const { off, below, lip, row, u } = vertex;
  if (lip === 'corner') return [0, 0];
  if (lip === undefined) {
    return [0, -Math.sign(below) * 0.06 * bell(Math.abs(below) - 0.4, 0.3) * bell(off, 1) * skinOf(vertex)];
  }
  // Thickness counts from the lip's own inner edge: what is between the lips is not part of them.
  const thickness = Math.max(0, Math.abs(below) - face.gapAt(u) / 2);
  // Lips of an open source are pushed a hair over each other, so that no tooth shows through.
  const over = face.widestGap > 0.02 && row === 0 ? 0.012 * archOf(vertex) : 0;
  const towards = lip === 'upper' ? 1 : -1;
  return [0, towards * (0.3 * thickness + over)];
}

function upperUpMove(vertex: Vertex, face: Face): Move {
  const { off, below, lip } = vertex;
  if (lip === 'upper') return [0, -0.17 * lipShare(vertex, 0.1)];
  if (lip !== undefined || below >= 0) return [0, 0];
  const underNose = 1 - smoothstep(0, 1, below / (face.noseV - 0.001));
  return [0, -0.17 * underNose * bell(off, 0.9) * skinOf(vertex)];
}

function lowerDownMove(vertex: Vertex, face: Face): Move {
  const { off, below, lip } = vertex;
  if (lip === 'lower') return [0, 0.16 * lipShare(vertex, 0.1)];
  if (lip !== undefined || below <= 0) return [0, 0];
  return [0, 0.16 * (1 - smoothstep(0.2, face.chinV * 0.8, below)) * bell(off, 0.9) * skinOf(vertex)];
}

function tuckMove(vertex: Vertex): Move {
  const { off, below, lip, row } = vertex;
  if (lip === 'lower') return [0, (-0.05 - 0.06 * row) * lipShare(vertex, 0.15)];
  if (lip !== undefined || below <= 0) return [0, 0];
  return [0, -0.16 * bell(below - 0.35, 0.45) * bell(off, 0.9) * skinOf(vertex)];
}

function smileMove(vertex: Vertex): Move {
  const { off, below, hold } = vertex;
  const near = bell(below, 0.85) * skinOf(vertex);
  const lift = -0.13 * Math.min(1, off) ** 2 * bell(Math.max(0, off - 1), 0.7);
  return [outwardsOf(vertex) * near * 0.1, lift * near * hold];
}

/** The jaw goes down: lower lip most, chin less, neck out to nothing; corners in and a little down; upper lip a little up. */
function openMove(vertex: Vertex, face: Face): Move {
  const arch = archOf(vertex);
  const { off, below, lip, v, hold } = vertex;
  const corner = 0.12 * bell(Math.max(0, off - 1), 0.5);
  const inwards =
    -0.07 * Math.sign(vertex.side) * Math.min(1, off) * bell(Math.max(0, off - 1), 0.5) * bell(below, 0.82);
  if (lip === 'corner') return [inwards, 0.12];
  if (lip === 'upper') return [inwards, -0.07 * arch + 0.12 * (1 - Math.sqrt(arch))];
  if (lip === undefined && below <= 0) {
    const underNose = 1 - smoothstep(0, 1, below / (face.noseV - 0.001));
    const cheek = off > 0.9 ? corner * smoothstep(-1.1, 0, below) : 0;
    return [inwards, -0.07 * underNose * bell(off, 0.8) + cheek];
  }
  const jaw = 0.44 * Math.exp(-((off / 1.85) ** 4));
  const lipDrop = Math.max(0.56 * arch, corner);
  const toJaw = smoothstep(0.12, 0.8, below);
  let drop = (1 - toJaw) * lipDrop + toJaw * Math.max(jaw, 0);
  if (lip === undefined && below < 0.12) drop = Math.max(drop * smoothstep(-0.02, 0.12, below), corner);
  // Skin under the chin gives way over a long stretch: the chin must not overtake it.
  drop *= 1 - smoothstep(face.chinV * 0.98, face.chinV + 1.9, v);
  return [inwards, drop * (vertex.index >= RING_VERTICES_AT ? hold : 1)];
}

/** Brings the lips of an open source together: the lower lip goes 70 % of the way. */
function closeMove(vertex: Vertex, face: Face): Move {
  const { off, below, lip, u, row } = vertex;
  if (face.widestGap < 0.005 || lip === 'corner') return [0, 0];
  const gap = face.gapAt(u);
  if (lip === 'upper') return [0, gap * 0.3 * (1 - 0.15 * row)];
  if (lip === 'lower') return [0, -gap * 0.7 * (1 - 0.1 * row)];
  if (vertex.index >= RING_VERTICES_AT || below <= 0) return [0, 0];
  return [0, -face.widestGap * 0.7 * 0.6 * bell(off, 1.2) * (1 - smoothstep(0.1, face.chinV, below))];
}

/** How every control of the mouth moves a vertex. */
export const MOUTH_MOVES: Partial<Record<Control, (vertex: Vertex, face: Face) => Move>> = {
  open: openMove,
  wide: wideMove,
  round: roundMove,
  press: pressMove,
  upperUp: upperUpMove,
  lowerDown: lowerDownMove,
  tuck: tuckMove,
  close: closeMove,
  smile: smileMove,
};
