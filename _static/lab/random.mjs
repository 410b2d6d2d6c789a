// Random numbers from a seed, the same in every browser.

/** A function that returns uniform numbers in (0, 1): sfc32, its state filled by splitmix32. */
export function uniform(seed) {
  let state = (Math.floor(seed) ^ 0x9e3779b9) >>> 0;
  const split = () => {
    state = (state + 0x9e3779b9) | 0;
    let t = state ^ (state >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
  let [a, b, c, counter] = [split(), split(), split(), 1];
  const next = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return ((t >>> 0) + 0.5) / 4294967296;
  };
  for (let i = 0; i < 12; i += 1) next();
  return next;
}

/** A function that returns standard normal numbers (Box and Muller 1958). */
export function normal(seed) {
  const next = uniform(seed);
  let spare = null;
  return () => {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(next()));
    const angle = 2 * Math.PI * next();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** `n` standard normal numbers. */
export function normals(n, seed) {
  const draw = normal(seed);
  return Float32Array.from({ length: n }, draw);
}
