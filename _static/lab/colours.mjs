// The book's colours for what may be negative: orange below 0, white at 0, purple above (ColorBrewer's PuOr, as in the figures).

const STOPS = ["7f3b08", "b35806", "e08214", "fdb863", "fee0b6", "f7f7f7", "d8daeb", "b2abd2", "8073ac", "542788", "2d004b"]
  .map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** Red, green and blue from 0 to 255 of a share from -1 to 1. */
export function signed(share) {
  const place = (Math.min(Math.max(share, -1), 1) + 1) * ((STOPS.length - 1) / 2);
  const at = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[at].map((low, i) => Math.round(low + (place - at) * (STOPS[at + 1][i] - low)));
}

/** The same of a share from 0 to 1 in gray. */
export function gray(share) {
  const value = Math.round(255 * share);
  return [value, value, value];
}
