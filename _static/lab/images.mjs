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

/** Gray square picture from canvas pixels (RGBA bytes): luma, averaged down to `size` by area. */
export function fromPixels(data, width, height, size) {
  const side = Math.min(width, height);
  const [top, left] = [(height - side) / 2, (width - side) / 2];
  const out = new Float32Array(size * size);
  const overlap = (k, cell, start) => {
    const [low, high] = [start + (cell * side) / size, start + ((cell + 1) * side) / size];
    return Math.max(0, Math.min(k + 1, high) - Math.max(k, low));
  };
  const range = (cell, start) => [
    Math.floor(start + (cell * side) / size),
    Math.ceil(start + ((cell + 1) * side) / size),
  ];
  for (let r = 0; r < size; r += 1) {
    for (let c = 0; c < size; c += 1) {
      let [sum, weight] = [0, 0];
      const [r0, r1] = range(r, top);
      const [c0, c1] = range(c, left);
      for (let i = r0; i < Math.min(r1, height); i += 1) {
        const down = overlap(i, r, top);
        for (let j = c0; j < Math.min(c1, width); j += 1) {
          const w = down * overlap(j, c, left);
          const at = 4 * (i * width + j);
          sum += (w * (0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2])) / 255;
          weight += w;
        }
      }
      out[r * size + c] = weight ? sum / weight : 0;
    }
  }
  return out;
}
