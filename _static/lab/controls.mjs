// The lab's controls. They are built once and then shown or hidden, so that none loses the focus.
import { Picture, choice, el, labelled } from "./dom.mjs";
import { choicesOf, pairOf } from "./networks.mjs";
import { NAMES } from "./pictures.mjs";
import { SEEDS, SIZES } from "./state.mjs";

const THUMB = 40;

/** The controls: `element`, `show(state)`, and `fill(pictures)`, which draws the thumbnails. `own` is shown with the reader's own. */
export function controls(update, own) {
  const family = choice("lab-family", choicesOf("denoise"), (value) => update({ family: value }));
  const n = choice("lab-n", SIZES.map((size) => [size, size.toLocaleString("en")]), (value) => update({ n: Number(value) }));
  const alpha = choice("lab-alpha", [1, 2, 3, 4, 5].map((a) => [a, a]), (value) => update({ alpha: Number(value) }));
  const noise = el("input", { type: "range", min: 0.02, max: 1, step: 0.01, id: "lab-noise",
    "aria-describedby": "lab-noise-hint", input: () => update({ noise: Number(noise.value) }) });
  const level = el("output", { for: "lab-noise", "aria-live": "off" }); // the slider itself says its value
  const seed = el("input", { type: "number", min: 0, max: SEEDS - 1, step: 1, id: "lab-seed", change: () => {
    seed.value = Math.min(Math.max(Math.round(Number(seed.value)) || 0, 0), SEEDS - 1);
    update({ seed: Number(seed.value) });
  } });
  const hint = (text, id = null) => el("small", { class: "lab-hint", id }, text);
  const thumbs = Object.fromEntries(NAMES.map(([key, text]) => [key, thumbnail(key, text, update)]));
  const fields = {
    picture: el("fieldset", { class: "lab-thumbs" }, el("legend", {}, "Picture"), ...Object.values(thumbs).map(({ element }) => element)),
    family: labelled("Networks trained on", family),
    n: labelled("N", n, hint("how many pictures the network was trained on")),
    alpha: labelled("α", alpha, hint("how smooth the contour is")),
    noise: labelled("Noise σ", noise, el("span", {}, level, hint("standard deviation; 1 is the step from black to white", "lab-noise-hint"))),
    seed: labelled("Seed", seed, hint("each number is another draw of the noise")),
  };

  let offered = "denoise";
  function show(state) {
    const twins = state.panel === "twins";
    if (offered !== state.panel) {
      family.replaceChildren(...choicesOf(state.panel).map(([key, text]) => el("option", { value: key }, text)));
      offered = state.panel;
    }
    family.value = twins ? pairOf(state).family : state.family;
    n.value = state.n;
    alpha.value = state.alpha;
    thumbs[state.picture].input.checked = true;
    noise.value = state.noise;
    level.textContent = state.noise.toFixed(2);
    seed.value = state.seed;
    fields.n.hidden = state.panel !== "basis" || state.family !== "clothes";
    fields.alpha.hidden = twins || (state.family !== "calpha" && state.picture !== "calpha");
    fields.picture.hidden = twins;
    fields.noise.hidden = twins;
    own.hidden = twins || state.picture !== "own";
  }

  /** Thumbnails, as far as pictures need no network. */
  async function fill(pictures) {
    for (const [key, { picture }] of Object.entries(thumbs)) {
      if (key !== "own") picture.show(await pictures.get({ picture: key, seed: 0, alpha: 4 }, THUMB));
    }
  }

  return { element: el("div", { class: "lab-controls" }, ...Object.values(fields), own), show, fill };
}

/** A picture to choose: a radio button under a small canvas. */
function thumbnail(key, text, update) {
  const input = el("input", { type: "radio", name: "lab-picture", value: key, class: "visually-hidden", "aria-label": text,
    change: () => update({ picture: key }) });
  const picture = new Picture(THUMB, "", 1.2);
  picture.canvas.setAttribute("aria-hidden", "true");
  const face = key === "own" ? el("span", { class: "lab-own-thumb", "aria-hidden": "true" }, "+") : picture.canvas;
  return { input, picture, element: el("label", { title: text }, input, face) };
}
