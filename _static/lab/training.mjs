// The nearest training picture of a sample.
import { similarity } from "./images.mjs";

/** Pictures of each half that the page can search: `clothes-a.bin` has the first of half A, `clothes-b.bin` the last of half B. */
export const KNOWN = 1000;

/**
 * Where the pictures that a network of half `half` and size `n` was trained on lie among the `known` of its file: `[first, end]`.
 * Half A grows from its beginning; half B from its end, so that its small sets are the last pictures of the large ones.
 */
export function trained(half, n, known = KNOWN) {
  const count = Math.min(n, known);
  return half === "b" ? [known - count, known] : [0, count];
}

/** The picture most similar to `x` (means taken off) among those: `{ at, value, x }`; `bytes` is the half's file. */
export function nearest(x, bytes, half, n) {
  const [first, end] = trained(half, n, bytes.length / x.length);
  let best = { at: -1, value: -2, x: null };
  for (let at = first; at < end; at += 1) {
    const other = Float32Array.from(bytes.subarray(x.length * at, x.length * (at + 1)), (value) => value / 255);
    const value = similarity(x, other);
    if (value > best.value) best = { at, value, x: other };
  }
  return best;
}
