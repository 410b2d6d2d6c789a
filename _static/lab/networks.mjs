// Which networks a state of the lab speaks of, and what they are called on the page.
import { SIZES } from "./state.mjs";

export const CHOICES = [
  ["clothes", "clothes (32×32), N = 1 to 14,000"],
  ["faces", "faces (40×40), N = 13,000"],
  ["calpha", "smooth contours (40×40), fresh pictures"],
  ["discs", "discs (40×40), fresh pictures"],
];

/** Only clothes and faces have a second network; the other panels remember what was chosen there. */
export const TWINS = ["clothes", "faces"];
export const familyOf = ({ panel, family }) => (panel === "twins" && !TWINS.includes(family) ? "clothes" : family);

const single = (state) => (state.family === "discs" ? "discs40-unet16-fresh-a" : `calpha40a${state.alpha}-unet16-fresh-a`);
const many = (n) => `N = ${n.toLocaleString("en")}`;

/** For the panel Denoise: all networks of a family, their labels, and the side of their pictures. */
export function rowOf(state) {
  const rows = {
    clothes: () => SIZES.map((n) => [`fashion32-unet16-n${n}-a`, many(n)]),
    faces: () => ["a", "b"].map((half) => [`faces40-unet16-n13000-${half}`, `half ${half.toUpperCase()}`]),
    calpha: () => [[single(state), `trained at α = ${state.alpha}`]],
    discs: () => [[single(state), "trained on discs"]],
  }[state.family]();
  const side = state.family === "clothes" ? 32 : 40;
  return { names: rows.map(([name]) => name), labels: Object.fromEntries(rows), side };
}

/** For the panel Two networks: a pair that shares no training picture. */
export function pairOf(state) {
  const family = familyOf(state);
  const [stem, n, side] = family === "clothes" ? ["fashion32", state.n, 32] : ["faces40", 13000, 40];
  return { family, pair: ["a", "b"].map((half) => `${stem}-unet16-n${n}-${half}`), n, side };
}

/** For the panel Basis: one network, and for clothes a memorizing one beside it. */
export function basisOf(state) {
  const clothes = state.family === "clothes";
  if (!clothes) {
    const name = state.family === "faces" ? "faces40-unet16-n13000-a" : single(state);
    return { names: [name], side: 40, labels: { [name]: "This network" } };
  }
  const name = `fashion32-unet16-n${state.n}-a`;
  const other = "fashion32-unet16-n10-a";
  const names = name === other ? [name] : [name, other];
  return { names, side: 32, labels: { [other]: many(10) + ", memorizing", [name]: many(state.n) } };
}
