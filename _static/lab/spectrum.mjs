// Leading singular values and vectors of a matrix known by its products with directions.
import { addScaled, dot, eigh, orthonormal } from "./linalg.mjs";
import { normal } from "./random.mjs";

/**
 * Block Krylov with full orthogonalization and Rayleigh-Ritz.
 *
 * `products(rows)` returns, for rows v, `{ there, back }`: J v and J^T J v. `progress(round, worst)` is
 * called after each block and may throw to cancel; its third argument is what was found so far. The residual of a triplet is ||J^T u - s v|| over
 * the largest s.
 */
export async function leading(products, d, k, options = {}) {
  const { block = 4, tol = 1e-3, most = 60, seed = 0, progress = () => {} } = options;
  const draw = normal(seed);
  const random = () => Array.from({ length: block }, () => Float64Array.from({ length: d }, draw));
  let fresh = orthonormal(random(), []);
  const [v, there, back, small] = [[], [], [], []];
  let found = null;
  for (let round = 1; round <= most; round += 1) {
    const made = await products(fresh);
    v.push(...fresh);
    there.push(...made.there);
    back.push(...made.back);
    for (let i = small.length; i < v.length; i += 1) {
      small.push(Float64Array.from({ length: i + 1 }, (_, j) => dot(there[i], there[j])));
    }
    if (v.length >= k && (round % 4 === 0 || round === most || v.length >= d)) {
      found = ritz(v, there, back, small, k);
      if (found.residual.every((r) => r <= tol) || v.length >= d) break;
    }
    await progress(round, found ? Math.max(...found.residual) : null, found);
    fresh = orthonormal(made.back.map((row) => Float64Array.from(row)), v);
    if (!fresh.length) fresh = orthonormal(random(), v);
    if (!fresh.length) break;
  }
  return found ?? ritz(v, there, back, small, Math.min(k, v.length));
}

function ritz(v, there, back, small, k) {
  const n = v.length;
  const full = small.map((row, i) => Float64Array.from({ length: n }, (_, j) => (j <= i ? row[j] : small[j][i])));
  const { values, vectors } = eigh(full);
  const combine = (weights, rows) => {
    const sum = new Float64Array(rows[0].length);
    rows.forEach((row, i) => addScaled(sum, weights[i], row));
    return sum;
  };
  const [s, right, left, residual] = [[], [], [], []];
  for (let i = 0; i < k; i += 1) {
    s.push(Math.sqrt(Math.max(values[i], 0)));
    right.push(combine(vectors[i], v));
    left.push(combine(vectors[i], there).map((value) => value / Math.max(s[i], 1e-12)));
    const rest = combine(vectors[i], back);
    addScaled(rest, -values[i], right[i]);
    residual.push(Math.sqrt(dot(rest, rest)) / Math.max(s[i], 1e-12) / s[0]);
  }
  return { s, right, left, residual, directions: n };
}
