// What the lab shows, as an object and as the part of the address behind `#`. Each panel has its own.
import { SEEDS as SHOWN } from "./shown.mjs";

export const PANELS = ["denoise", "twins", "basis"];
export const FAMILIES = ["clothes", "faces", "calpha", "discs"];
export const SIZES = [1, 10, 100, 1000, 10000, 14000];
export const MOST = SIZES.at(-1); // for faces it stands for all of theirs, 13,000
export const SEEDS = 1000000; // from 0 up to here

const COMMON = {
  family: "clothes", // which networks
  n: MOST, // training pictures
  alpha: 4,
  picture: "clothes-1",
  noise: 0.2,
  seed: 0,
};

/** What a panel shows if the address says no more. */
export const DEFAULTS = {
  denoise: { panel: "denoise", ...COMMON },
  twins: { panel: "twins", ...COMMON, family: "faces", seed: SHOWN.faces },
  basis: { panel: "basis", ...COMMON, family: "faces", picture: "portrait", noise: 0.15 },
};

const ALLOWED = {
  panel: (text) => PANELS.includes(text),
  family: (text) => FAMILIES.includes(text),
  n: (text) => SIZES.map(String).includes(text),
  alpha: (text) => /^[1-5]$/.test(text),
  picture: (text) => /^(portrait|own|disc|face|calpha|clothes-([1-9]|1[0-2]))$/.test(text),
  noise: (text) => /^\d(\.\d{1,2})?$/.test(text) && Number(text) >= 0.02 && Number(text) <= 1,
  seed: (text) => /^\d{1,6}$/.test(text),
};

const pairs = (hash) => [...new URLSearchParams(hash.replace(/^#/, ""))].filter(([key]) => Object.hasOwn(ALLOWED, key));

/** Whether an address asks for something of the lab; one that names a heading does not. */
export function asks(hash) {
  return pairs(hash).length > 0;
}

/** The state that an address asks for; whatever is missing or makes no sense keeps its default. */
export function parse(hash) {
  const asked = pairs(hash).filter(([key, text]) => ALLOWED[key](text));
  const panel = asked.findLast(([key]) => key === "panel")?.[1] ?? "denoise";
  const state = { ...DEFAULTS[panel] };
  for (const [key, text] of asked) state[key] = typeof state[key] === "number" ? Number(text) : text;
  return state;
}

/** The address of a state: its panel, and what differs from that panel's defaults. */
export function format(state) {
  const usual = DEFAULTS[state.panel];
  const changed = Object.keys(usual).filter((key) => state[key] !== usual[key]);
  if (state.panel !== "denoise") changed.unshift("panel");
  return `#${new URLSearchParams(changed.map((key) => [key, String(state[key])]))}`;
}
