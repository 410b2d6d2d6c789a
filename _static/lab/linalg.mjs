// The little linear algebra that the lab needs, on arrays of Float64Array rows.

/** Inner product. */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
}

/** a += factor * b, in place. */
export function addScaled(a, factor, b) {
  for (let i = 0; i < a.length; i += 1) a[i] += factor * b[i];
}

/** Eigenvalues (largest first) and eigenvectors (rows) of a symmetric matrix, by Jacobi's rotations. */
export function eigh(matrix) {
  const n = matrix.length;
  const a = matrix.map((row) => Float64Array.from(row));
  const v = a.map((_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep += 1) {
    let [off, size] = [0, 0];
    for (let p = 0; p < n; p += 1) {
      size += a[p][p] ** 2;
      for (let q = p + 1; q < n; q += 1) off += 2 * a[p][q] ** 2;
    }
    if (off <= 1e-24 * (size + off)) break;
    for (let p = 0; p < n; p += 1) {
      for (let q = p + 1; q < n; q += 1) {
        if (Math.abs(a[p][q]) > 1e-300) rotate(a, v, p, q);
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => v[i]) };
}

function rotate(a, v, p, q) {
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  const [ap, aq, vp, vq] = [a[p], a[q], v[p], v[q]];
  for (let k = 0; k < a.length; k += 1) {
    const [x, y] = [ap[k], aq[k]];
    ap[k] = c * x - s * y;
    aq[k] = s * x + c * y;
    const [g, h] = [vp[k], vq[k]];
    vp[k] = c * g - s * h;
    vq[k] = s * g + c * h;
  }
  for (let k = 0; k < a.length; k += 1) {
    const [x, y] = [a[k][p], a[k][q]];
    a[k][p] = c * x - s * y;
    a[k][q] = s * x + c * y;
  }
}

/** The rows made orthonormal to each other and to `others`; rows with nothing left are dropped. */
export function orthonormal(rows, others) {
  const kept = [];
  for (const row of rows) {
    const size = Math.sqrt(dot(row, row));
    for (let pass = 0; pass < 2; pass += 1) {
      for (const other of others) addScaled(row, -dot(row, other), other);
      for (const other of kept) addScaled(row, -dot(row, other), other);
    }
    const left = Math.sqrt(dot(row, row));
    if (left > 1e-10 * size && left > 0) kept.push(row.map((value) => value / left));
  }
  return kept;
}
