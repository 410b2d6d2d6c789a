// What the lab shows, as an object and as the part of the address behind `#`.

export const PANELS = ["denoise", "twins", "basis"];
export const FAMILIES = ["clothes", "faces", "calpha", "discs"];
export const SIZES = [1, 10, 100, 1000, 10000, 14000];
export const SEEDS = 1000000; // from 0 up to here
export const DEFAULTS = {
  panel: "denoise",
  family: "clothes", // which networks
  n: 14000, // training pictures
  alpha: 4,
  picture: "clothes-1",
  noise: 0.2,
  seed: 0,
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

/** Whether an address asks for something of the lab; one that names a heading does not. */
export function asks(hash) {
  return [...new URLSearchParams(hash.replace(/^#/, "")).keys()].some((key) => key in ALLOWED);
}

/** The state that an address asks for; whatever is missing or makes no sense keeps its default. */
export function parse(hash) {
  const state = { ...DEFAULTS };
  for (const [key, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!ALLOWED[key]?.(text)) continue;
    state[key] = typeof DEFAULTS[key] === "number" ? Number(text) : text;
  }
  return state;
}

/** The address of a state: only what differs from the defaults. */
export function format(state) {
  const changed = Object.keys(DEFAULTS).filter((key) => state[key] !== DEFAULTS[key]);
  return `#${new URLSearchParams(changed.map((key) => [key, String(state[key])]))}`;
}
