// The paper's algorithm 1: climb the score of a blind denoiser, inject a little noise, repeat.
import { normal } from "./random.mjs";

/** Defaults of the lab: a long step, so that a sample takes a hundred evaluations or so. */
export const SETTINGS = { step: 0.1, beta: 0.1, start: 1, end: 0.05, mean: 0.5, most: 1000 };

/**
 * Yields `{ y, estimate, sigma, step, last }` after each evaluation. `denoise(y)` returns the estimate.
 * The same seed gives two denoisers the same start and the same injected noise.
 */
export async function* sample(denoise, d, seed, settings = {}) {
  const { step, beta, start, end, mean, most } = { ...SETTINGS, ...settings };
  const draw = normal(seed);
  let y = Float32Array.from({ length: d }, () => mean + start * draw());
  const keep = Math.sqrt(Math.max((1 - beta * step) ** 2 - (1 - step) ** 2, 0));
  for (let t = 0; t <= most; t += 1) {
    const estimate = await denoise(y);
    let sum = 0;
    for (let i = 0; i < d; i += 1) sum += (estimate[i] - y[i]) ** 2;
    const sigma = Math.sqrt(sum / d);
    if (!(sigma <= 2 * start)) throw new Error(`the noise level rose to ${sigma}: the denoiser diverges`);
    const last = sigma <= end || t === most;
    yield { y, estimate, sigma, step: t, last };
    if (last) return;
    const injected = keep * sigma;
    y = y.map((value, i) => value + step * (estimate[i] - value) + injected * draw());
  }
}
