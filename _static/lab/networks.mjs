// Which networks a state of the lab speaks of, and what they are called on the page.
import { MOST, SIZES } from "./state.mjs";

const ALL = {
  clothes: "clothes (32×32), N = 1 to 14,000",
  faces: "faces (40×40), N = 13,000",
  calpha: "smooth contours (40×40), fresh pictures",
  discs: "discs (40×40), fresh pictures",
};
const [FACES, TWINS] = [13000, ["faces", "clothes"]]; // only these have a second network

/** What a panel's menu of networks offers, as pairs of value and text. */
export const choicesOf = (panel) => (panel === "twins" ? TWINS : Object.keys(ALL)).map((family) => [family, ALL[family]]);

/** The networks of a picture's own kind. */
export const kindOf = (picture) =>
  ({ portrait: "faces", face: "faces", disc: "discs", calpha: "calpha" })[picture] ?? (picture === "own" ? null : "clothes");

const single = (state) => (state.family === "discs" ? "discs40-unet16-fresh-a" : `calpha40a${state.alpha}-unet16-fresh-a`);
const many = (n) => `N = ${n.toLocaleString("en")}`;
const name = (family, n, half) => `${family === "clothes" ? "fashion32" : "faces40"}-unet16-n${n}-${half}`;
export const sideOf = ({ family }) => (family === "clothes" ? 32 : 40);

/** For the panel Denoise: all networks of a family, their labels, and the side of their pictures. */
export function rowOf(state) {
  const rows = {
    clothes: () => SIZES.map((n) => [name("clothes", n, "a"), many(n)]),
    faces: () => ["a", "b"].map((half) => [name("faces", FACES, half), `half ${half.toUpperCase()}`]),
    calpha: () => [[single(state), `trained at α = ${state.alpha}`]],
    discs: () => [[single(state), "trained on discs"]],
  }[state.family]();
  return { names: rows.map(([key]) => key), labels: Object.fromEntries(rows), side: sideOf(state) };
}

/**
 * For the panel Two networks: a pair that shares no training picture. Faces are there for the largest N only: networks that
 * learned few faces by heart would draw photographs that may not be shown. So a smaller N takes clothes.
 */
export function pairOf(state) {
  const family = state.family === "faces" && state.n === MOST ? "faces" : "clothes";
  const n = family === "faces" ? FACES : state.n;
  return { family, pair: ["a", "b"].map((half) => name(family, n, half)), n, side: sideOf({ family }) };
}

/** For the panel Basis: one network, and for clothes a memorizing one beside it. */
export function basisOf(state) {
  if (state.family !== "clothes") {
    const only = state.family === "faces" ? name("faces", FACES, "a") : single(state);
    return { names: [only], side: 40, labels: { [only]: state.family === "faces" ? many(FACES) : "This network" } };
  }
  const [one, other] = [state.n, 10].map((n) => name("clothes", n, "a"));
  const names = one === other ? [one] : [one, other];
  return { names, side: 32, labels: { [other]: `${many(10)}, memorizing`, [one]: many(state.n) } };
}
