// Pictures as Float32Array of intensities in [0, 1], row by row.
import { normals, uniform } from "./random.mjs";

/** Peak signal-to-noise ratio in dB, for intensities in [0, 1]. */
export function psnr(clean, estimate) {
  let sum = 0;
  for (let i = 0; i < clean.length; i += 1) sum += (clean[i] - estimate[i]) ** 2;
  return -10 * Math.log10(sum / clean.length);
}

/** The picture plus white noise of standard deviation `sigma`. */
export function addNoise(clean, sigma, seed = 0) {
  const noise = normals(clean.length, seed);
  return clean.map((value, i) => value + sigma * noise[i]);
}

/** Cosine similarity of two pictures after each one's mean is taken off. */
export function similarity(a, b) {
  const mean = (x) => x.reduce((sum, value) => sum + value, 0) / x.length;
  const [p, q] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    ab += (a[i] - p) * (b[i] - q);
    aa += (a[i] - p) ** 2;
    bb += (b[i] - q) ** 2;
  }
  return ab / Math.max(Math.sqrt(aa * bb), 1e-12);
}

/** A disc with a soft edge, somewhere, on a background: the law of the book's discs. */
export function disc(size, seed = 0) {
  const next = uniform(seed);
  const between = (low, high) => low + (high - low) * next();
  const [row, column] = [between(0.25, 0.75) * size, between(0.25, 0.75) * size];
  const radius = between(0.1, 0.25) * size;
  const [front, back] = [next(), next()];
  return Float32Array.from({ length: size * size }, (_, i) => {
    const away = Math.hypot(Math.floor(i / size) + 0.5 - row, (i % size) + 0.5 - column);
    const inside = Math.min(Math.max(radius - away + 0.5, 0), 1);
    return front * inside + back * (1 - inside);
  });
}

/** Gray intensities of canvas pixels (RGBA bytes): luma. */
export function gray(rgba) {
  return Float32Array.from({ length: rgba.length / 4 }, (_, i) => {
    const [r, g, b] = rgba.subarray(4 * i, 4 * i + 3);
    return (0.299 * r + 0.587 * g + 0.114 * b) / 255;
  });
}

/** The middle square of a picture, averaged by area to `size` by `size`; enlarged, pixels repeat in part. */
export function resample(x, width, height, size) {
  if (width === size && height === size) return Float32Array.from(x);
  const side = Math.min(width, height);
  const down = cells(size, side, (height - side) / 2);
  const across = cells(size, side, (width - side) / 2);
  const out = new Float32Array(size * size);
  down.forEach((rows, r) => {
    across.forEach((columns, c) => {
      let [sum, weight] = [0, 0];
      for (const [i, wi] of rows) {
        for (const [j, wj] of columns) {
          sum += wi * wj * x[i * width + j];
          weight += wi * wj;
        }
      }
      out[r * size + c] = sum / weight;
    });
  });
  return out;
}

/** For each of `size` cells, the pixels that it covers and how much of each. */
function cells(size, side, start) {
  return Array.from({ length: size }, (_, cell) => {
    const [low, high] = [start + (cell * side) / size, start + ((cell + 1) * side) / size];
    const found = [];
    for (let i = Math.floor(low); i < high; i += 1) {
      const weight = Math.min(i + 1, high) - Math.max(i, low);
      if (weight > 1e-9) found.push([i, weight]);
    }
    return found;
  });
}

/** Two smooth regions on either side of a smooth contour: the law of the book's C^alpha images. */
export function cAlpha(size, alpha, seed = 0) {
  const next = uniform(seed);
  const white = (n) => Float64Array.from({ length: n }, () => 2 * next() - 1);
  const k = Float64Array.from({ length: size }, (_, i) => Math.min(i, size - i));
  const line = filtered([white(size)], (_, j) => Math.max(k[j], 1) ** -alpha)[0];
  const height = line.map((value) => Math.round(value * size) + Math.floor(size / 2));
  const grounds = [0, 1].map(() => {
    const rows = Array.from({ length: size }, () => white(size));
    const smooth = filtered(rows, (i, j) => Math.max(Math.hypot(k[i], k[j]), 1) ** -alpha);
    const all = smooth.flatMap((row) => Array.from(row));
    const [low, high] = [Math.min(...all), Math.max(...all)];
    return all.map((value) => (value - low) / (high - low));
  });
  const [u, v, coin] = [next(), next(), next() < 0.5];
  const below = (i, j) => (Math.abs(i) >= height[Math.abs(j)] ? 1 : 0);
  return Float32Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    const mean = (below(i - 1, j - 1) + below(i - 1, j) + below(i, j - 1) + below(i, j)) / 4;
    const inside = coin ? mean : 1 - mean;
    return (u + (1 - u) * grounds[0][at]) * inside + v * grounds[1][at] * (1 - inside);
  });
}

/** Rows multiplied in the Fourier domain by `gain(i, j)`, which is even; plain sums, as sides are small. */
function filtered(rows, gain) {
  const [m, n] = [rows.length, rows[0].length];
  let [re, im] = [rows, rows.map(() => new Float64Array(n))];
  [re, im] = transform(re, im, -1);
  [re, im] = [re, im].map((part) => part.map((row, i) => row.map((value, j) => value * gain(i, j))));
  [re] = transform(re, im, 1);
  return re.map((row) => row.map((value) => value / (m * n)));
}

function transform(re, im, sign) {
  const turn = (matrix) => Array.from(matrix[0], (_, j) => Float64Array.from(matrix, (row) => row[j]));
  const along = (a, b) => {
    const n = a[0].length;
    const wave = (f) => Float64Array.from({ length: n }, (_, t) => f((2 * Math.PI * t) / n));
    const [cos, sin] = [wave(Math.cos), wave(Math.sin)];
    const out = [a.map(() => new Float64Array(n)), a.map(() => new Float64Array(n))];
    a.forEach((row, i) => {
      for (let q = 0; q < n; q += 1) {
        let [x, y] = [0, 0];
        for (let t = 0; t < n; t += 1) {
          const [c, s] = [cos[(q * t) % n], sign * sin[(q * t) % n]];
          x += row[t] * c - b[i][t] * s;
          y += row[t] * s + b[i][t] * c;
        }
        out[0][i][q] = x;
        out[1][i][q] = y;
      }
    });
    return out;
  };
  const [a, b] = along(re, im);
  const [c, d] = along(turn(a), turn(b));
  return [turn(c), turn(d)];
}
