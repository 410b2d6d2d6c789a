// First panel: one noisy picture, and what networks trained on more and more pictures make of it.
import { el, Picture } from "./dom.mjs";
import { psnr } from "./images.mjs";

/** The panel: `element`, and `refresh(state, x, y, row)` for a clean and a noisy picture. */
export function denoisePanel(lab) {
  const grid = el("div", { class: "lab-grid-of-pictures" });
  const said = el("p", { role: "status", "aria-live": "polite" });
  const element = el("div", {}, said, grid);
  let shown = {};
  let size = 0;

  function prepare(names, side, labels) {
    if (side === size && names.every((name) => shown[name])) return;
    size = side;
    shown = Object.fromEntries(
      ["clean", "noisy", ...names].map((name) => [name, new Picture(side, labels[name] ?? name)]),
    );
    grid.replaceChildren(...Object.values(shown).map((picture) => picture.element));
  }

  return {
    element,
    async refresh(state, x, y) {
      const { names, labels, side } = lab.networks(state);
      prepare(names, side, labels);
      const entry = psnr(x, y);
      shown.clean.show(x, "clean", "the clean picture");
      shown.noisy.show(y, `noisy: ${entry.toFixed(1)} dB`, `with noise, ${entry.toFixed(1)} decibel`);
      const found = [];
      const estimates = {};
      lab.busy(said, "The networks are at work …");
      const done = await lab.ask("main", "denoise", { names, y }, ({ name, estimate }) => {
        const db = psnr(x, estimate);
        found.push([labels[name], db]);
        estimates[name] = Array.from(estimate);
        const text = `${labels[name]}: ${db.toFixed(1)} dB`;
        shown[name].show(estimate, text, `estimate of the network, ${text}`);
      });
      if (done) {
        const best = found.reduce((a, b) => (b[1] > a[1] ? b : a));
        said.textContent =
          `Noise σ = ${state.noise}, ${entry.toFixed(1)} dB. Best: ${best[0]}, ${best[1].toFixed(1)} dB.`;
        lab.record({ denoise: { x: Array.from(x), y: Array.from(y), estimates } });
      }
    },
  };
}
