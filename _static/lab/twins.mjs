// Second panel: two networks that share no training picture, and one seed.
import { el, Picture } from "./dom.mjs";
import { similarity } from "./images.mjs";

const TRAINING = 1000; // pictures of each half that the page can search

/** The panel: `element`, and `refresh(state)`, which draws a pair of samples. */
export function twinsPanel(lab) {
  const said = el("p", { role: "status", "aria-live": "polite" });
  const pictures = el("div", { class: "lab-grid-of-pictures" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "how far the noise level has fallen" });
  const again = el("button", { type: "button", click: () => lab.update({ seed: lab.state().seed + 1 }) }, "Next seed");
  const stop = el("button", { type: "button", click: () => lab.cancel("main") }, "Stop");
  const element = el("div", {}, el("p", {}, again, " ", stop, " ", bar), said, pictures);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

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

  return {
    element,
    async refresh(state) {
      const { pair, side, n } = lab.twins(state);
      const shown = ["A", "B"].map((half) => new Picture(side, `sample of network ${half}`, 5));
      pictures.replaceChildren(...shown.map((picture) => picture.element));
      bar.value = 0;
      lab.busy(said, "Both networks start from the same noise …");
      let final = null;
      const options = { names: pair, seed: state.seed, d: side * side, every: calm ? 1e9 : 2 };
      const done = await lab.ask("main", "twins", options, (part) => {
        bar.value = Math.max(bar.value, 1 - Math.max(...part.sigma));
        part.estimates.forEach((x, k) => shown[k].show(x, `network ${"AB"[k]}, step ${part.step}`));
        final = part;
      });
      if (!done) {
        said.textContent = "Stopped.";
        return;
      }
      bar.value = 1;
      let text =
        `N = ${n.toLocaleString("en")}, seed ${state.seed}: after ${final.step} steps the two samples have ` +
        `similarity ${final.similarity.toFixed(2)} (1: the same picture up to brightness and contrast).`;
      if (state.family === "clothes") {
        const near = await Promise.all(final.estimates.map((x, k) => nearest(x, "ab"[k], n)));
        near.forEach(({ x, value }, k) => {
          const picture = new Picture(side, `nearest training picture of network ${"AB"[k]}`, 5);
          picture.show(x, `nearest training picture of ${"AB"[k]}: ${value.toFixed(2)}`);
          pictures.append(picture.element);
        });
        if (n > TRAINING) text += ` Nearest: among the first ${TRAINING.toLocaleString("en")} of each half.`;
      }
      said.textContent = text;
      lab.record({ twins: { pair, ...final, estimates: final.estimates.map((x) => Array.from(x)) } });
    },
  };
}
