// The lab's controls. They are built once and then shown or hidden, so that none loses the focus.
import { choice, el, labelled } from "./dom.mjs";
import { CHOICES, TWINS, familyOf } from "./networks.mjs";
import { NAMES } from "./pictures.mjs";
import { SEEDS, SIZES } from "./state.mjs";

/** The controls: `element`, and `show(state)`. `own` is shown while the reader's own picture is chosen. */
export function controls(update, own) {
  const family = choice("lab-family", CHOICES, (value) => update({ family: value }));
  const n = choice("lab-n", SIZES.map((size) => [size, size.toLocaleString("en")]), (value) => update({ n: Number(value) }));
  const alpha = choice("lab-alpha", [1, 2, 3, 4, 5].map((a) => [a, a]), (value) => update({ alpha: Number(value) }));
  const picture = choice("lab-picture", NAMES, (value) => update({ picture: value }));
  const noise = el("input", { type: "range", min: 0.02, max: 1, step: 0.01, id: "lab-noise",
    input: () => update({ noise: Number(noise.value) }) });
  const level = el("output", { for: "lab-noise", "aria-live": "off" }); // the slider itself says its value
  const seed = el("input", { type: "number", min: 0, max: SEEDS - 1, step: 1, id: "lab-seed", change: () => {
    seed.value = Math.min(Math.max(Math.round(Number(seed.value)) || 0, 0), SEEDS - 1);
    update({ seed: Number(seed.value) });
  } });
  const fields = {
    family: labelled("Networks trained on", family),
    n: labelled("N", n),
    alpha: labelled("α", alpha),
    picture: labelled("Picture", picture),
    noise: labelled("Noise σ", noise, level),
    seed: labelled("Seed", seed),
  };

  function show(state) {
    const twins = state.panel === "twins";
    const wanted = twins ? TWINS.length : CHOICES.length;
    if (family.length !== wanted) family.replaceChildren(...options.slice(0, wanted));
    family.value = familyOf(state);
    n.value = state.n;
    alpha.value = state.alpha;
    picture.value = state.picture;
    noise.value = state.noise;
    level.textContent = state.noise.toFixed(2);
    seed.value = state.seed;
    fields.n.hidden = familyOf(state) !== "clothes" || state.panel === "denoise";
    fields.alpha.hidden = twins || (state.family !== "calpha" && state.picture !== "calpha");
    fields.picture.hidden = twins;
    fields.noise.hidden = twins;
    own.hidden = twins || state.picture !== "own";
  }

  const options = [...family.children];
  return { element: el("div", { class: "lab-controls" }, ...Object.values(fields), own), show };
}
