// First panel: one noisy picture, and what networks trained on more and more pictures make of it.
import { el, Picture, tell } from "./dom.mjs";
import { psnr } from "./images.mjs";
import { rowOf } from "./networks.mjs";

/** The panel: `element`; `refresh(state, x, y)` for a clean and a noisy picture; `clear(text)`. */
export function denoisePanel(lab) {
  const grid = el("div", { class: "lab-grid-of-pictures" });
  const said = el("p", { role: "status" });
  const notice = el("p", { class: "lab-notice" }, "Notice: with few training pictures the estimate is a picture that the network " +
    "was shown, with many it is yours. Try both with more noise and with less. (6 dB more is half the error.)");
  const element = el("div", {}, notice, said, grid);
  let shown = {};
  let key = "";

  function prepare(names, side, labels) {
    if (key === names.join()) return;
    key = names.join();
    shown = Object.fromEntries(
      ["clean", "noisy", ...names].map((name) => [name, new Picture(side, labels[name] ?? name)]),
    );
    for (const name of names) shown[name].caption.textContent = `${labels[name]}: …`;
    grid.replaceChildren(...Object.values(shown).map((picture) => picture.element));
  }

  return {
    element,

    clear(text) {
      key = "";
      grid.replaceChildren();
      tell(said, text);
    },

    async refresh(state, x, y) {
      const { names, labels, side } = rowOf(state);
      prepare(names, side, labels);
      const entry = psnr(x, y);
      for (const name of names) shown[name].stale();
      shown.clean.show(x, "clean", "the clean picture");
      shown.noisy.show(y, `noisy: ${entry.toFixed(1)} dB`, `with noise, ${entry.toFixed(1)} decibel`);
      const found = [];
      const estimates = {};
      tell(said, "The networks are at work …", 600);
      const end = await lab.ask("main", "denoise", { names, y }, ({ name, estimate }) => {
        const db = psnr(x, estimate);
        found.push([labels[name], db]);
        estimates[name] = Array.from(estimate);
        const text = `${labels[name]}: ${db.toFixed(1)} dB`;
        shown[name].show(estimate, text, `estimate of the network, ${text}`);
      });
      if (end !== "done") return;
      const best = found.reduce((a, b) => (b[1] > a[1] ? b : a));
      const start = `Noise σ = ${state.noise.toFixed(2)}: ${entry.toFixed(1)} dB.`;
      tell(said, `${start} ${found.length > 1 ? "Best" : "Estimate"}: ${best[0]}, ${best[1].toFixed(1)} dB.`, 300);
      lab.record({ denoise: { x: Array.from(x), y: Array.from(y), estimates } });
    },
  };
}
