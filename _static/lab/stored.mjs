// Bases that come with the page, so that the first look needs no computing.

/** The stored basis of a network at a noisy picture, or null: `{ lam, e, residual, others }`. `file(name)` fetches. */
export async function storedBasis(file, name, { picture, noise, seed }) {
  const index = JSON.parse(new TextDecoder().decode(await file("bases.json")));
  const row = Object.hasOwn(index.pictures, picture) ? index.pictures[picture] : null;
  if (!row || row.network !== name || noise !== row.noise || seed !== index.seed) return null;
  const bytes = await file(`basis-${picture}.bin`);
  return { lam: row.lam, residual: row.residual, e: unpacked(bytes, row.lam.length), others: row.others };
}

/** Rows of 8-bit numbers with a sign, each made of length 1 again. */
export function unpacked(bytes, count) {
  const d = bytes.length / count;
  return Array.from({ length: count }, (_, k) => {
    const row = Float64Array.from(new Int8Array(bytes.buffer, bytes.byteOffset + k * d, d));
    const length = Math.hypot(...row);
    return row.map((value) => value / length);
  });
}
