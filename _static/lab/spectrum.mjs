// Leading eigenvalues and eigenvectors of a symmetric matrix known by its products with directions.
import { addScaled, dot, eigh, orthonormal } from "./linalg.mjs";
import { normal } from "./random.mjs";

/**
 * Block Krylov with full orthogonalization and Rayleigh-Ritz.
 *
 * `product(rows)` returns S v for rows v. `progress(round, worst, found)` is called after each block, with what was found so
 * far, and may throw to cancel. The residual of a pair is ||S v - lambda v|| over the largest |lambda|.
 */
export async function leading(product, d, k, options = {}) {
  const { block = 4, tol = 1e-3, most = 100, seed = 0, progress = () => {} } = options;
  const draw = normal(seed);
  const random = () => Array.from({ length: block }, () => Float64Array.from({ length: d }, draw));
  let fresh = orthonormal(random(), []);
  const [v, images, small] = [[], [], []];
  let found = null;
  for (let round = 1; round <= most; round += 1) {
    const made = await product(fresh);
    v.push(...fresh);
    images.push(...made);
    for (let i = small.length; i < v.length; i += 1) {
      small.push(Float64Array.from({ length: i + 1 }, (_, j) => (dot(v[i], images[j]) + dot(v[j], images[i])) / 2));
    }
    if (v.length >= k && (round % 4 === 0 || round === most || v.length >= d)) {
      found = ritz(v, images, small, k);
      if (found.residual.every((r) => r <= tol) || v.length >= d) break;
    }
    await progress(round, found ? Math.max(...found.residual) : null, found);
    fresh = orthonormal(made.map((row) => Float64Array.from(row)), v);
    if (!fresh.length) fresh = orthonormal(random(), v);
    if (!fresh.length) break;
  }
  return found ?? ritz(v, images, small, Math.min(k, v.length));
}

function ritz(v, images, small, k) {
  const n = v.length;
  const full = small.map((row, i) => Float64Array.from({ length: n }, (_, j) => (j <= i ? row[j] : small[j][i])));
  const { values, vectors } = eigh(full);
  const combine = (weights, rows) => {
    const sum = new Float64Array(rows[0].length);
    rows.forEach((row, i) => addScaled(sum, weights[i], row));
    return sum;
  };
  const largest = Math.max(Math.abs(values[0]), Math.abs(values[n - 1]), 1e-12);
  const [lam, e, residual] = [values.slice(0, k), [], []];
  for (let i = 0; i < k; i += 1) {
    e.push(combine(vectors[i], v));
    const rest = combine(vectors[i], images);
    addScaled(rest, -values[i], e[i]);
    residual.push(Math.sqrt(dot(rest, rest)) / largest);
  }
  return { lam, e, residual, directions: n };
}
