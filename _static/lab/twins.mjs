// Second panel: two networks that share no training picture, and one seed.
import { el, Picture, tell } from "./dom.mjs";
import { similarity } from "./images.mjs";
import { pairOf } from "./networks.mjs";
import { SEEDS } from "./state.mjs";

const TRAINING = 1000; // pictures of each half that the page can search

/** The panel: `element`; `refresh(state)`, which draws a pair of samples; `stopped()`, `clear(text)`. */
export function twinsPanel(lab) {
  const said = el("p", { role: "status" });
  const pictures = el("div", { class: "lab-grid-of-pictures" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "how far the noise level has fallen" });
  const again = el("button", { type: "button", click: () => lab.update({ seed: (lab.state().seed + 1) % SEEDS }) }, "Next seed");
  const stop = el("button", { type: "button", click: () => lab.stop() }, "Stop");
  const element = el("div", {}, el("p", { class: "lab-actions" }, again, stop, bar), said, pictures);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let turn = 0;

  async function nearest(estimate, half, n) {
    const bytes = await lab.file(`clothes-${half}.bin`);
    let best = { at: -1, value: -2, x: null };
    for (let k = 0; k < Math.min(n, TRAINING); k += 1) {
      const x = Float32Array.from(bytes.subarray(1024 * k, 1024 * (k + 1)), (value) => value / 255);
      const value = similarity(estimate, x);
      if (value > best.value) best = { at: k, value, x };
    }
    return best;
  }

  function clear(text) {
    turn += 1;
    pictures.replaceChildren();
    bar.value = 0;
    tell(said, text);
  }

  return {
    element,
    clear,

    stopped() {
      turn += 1;
      bar.value = 0;
      tell(said, "Stopped.");
    },

    async refresh(state) {
      turn += 1;
      const mine = turn;
      const { family, pair, side, n } = pairOf(state);
      const shown = ["A", "B"].map((half) => new Picture(side, `sample of network ${half}, in the making`, 5));
      pictures.replaceChildren(...shown.map((picture) => picture.element));
      bar.value = 0;
      tell(said, "Both networks start from the same noise …");
      let final = null;
      const options = { names: pair, seed: state.seed, d: side * side, every: calm.matches ? 1e9 : 2 };
      const end = await lab.ask("main", "twins", options, (part) => {
        bar.value = Math.max(bar.value, 1 - Math.max(...part.sigma));
        part.estimates.forEach((x, k) => shown[k].show(x, `network ${"AB"[k]}, step ${part.step}`));
        final = part;
      });
      if (end !== "done") return;
      let text =
        `N = ${n.toLocaleString("en")}, seed ${state.seed}: after ${final.step} steps the two samples have ` +
        `similarity ${final.similarity.toFixed(2)} (1: the same picture up to brightness and contrast).`;
      let near = [];
      if (family === "clothes") {
        near = await Promise.all(final.estimates.map((x, k) => nearest(x, "ab"[k], n)));
        text += ` With their nearest training pictures: ${near.map(({ value }) => value.toFixed(2)).join(" and ")}`;
        text += n > TRAINING ? ` (searched: the first ${TRAINING.toLocaleString("en")} of each half).` : ".";
      }
      if (mine !== turn) return; // meanwhile something else was asked for
      final.estimates.forEach((x, k) => shown[k].show(x, null, `sample of network ${"AB"[k]}, seed ${state.seed}`));
      near.forEach(({ x, value }, k) => {
        const picture = new Picture(side, `nearest training picture of network ${"AB"[k]}`, 5);
        picture.show(x, `nearest training picture of ${"AB"[k]}: ${value.toFixed(2)}`);
        pictures.append(picture.element);
      });
      bar.value = 1;
      tell(said, text);
      lab.record({ twins: { pair, ...final, estimates: final.estimates.map((x) => Array.from(x)) } });
    },
  };
}
