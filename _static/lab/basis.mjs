// Third panel: the leading singular vectors of the denoiser's Jacobian at the current picture.
import { around, el, Picture, rankPlot } from "./dom.mjs";
import { dot } from "./linalg.mjs";

const COUNT = 20;

/** The panel: `element`, and `refresh(state, x, y)` for a clean and a noisy picture. */
export function basisPanel(lab) {
  const said = el("p", { role: "status", "aria-live": "polite" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "how well the vectors are known" });
  const stop = el("button", { type: "button", click: () => lab.cancel("main") }, "Stop");
  const plot = el("div", { class: "lab-plot" });
  const detail = el("p", { class: "lab-detail", "aria-live": "polite" });
  const vectors = el("div", { class: "lab-vectors", role: "group", "aria-label": "leading right singular vectors" });
  const element = el("div", {}, el("p", {}, stop, " ", bar), said, vectors, detail, plot);

  function describe(found, k, y) {
    const entry = dot(found.right[k], y);
    detail.textContent =
      `Direction ${k + 1}: the noisy picture has ${entry.toFixed(2)} of it; the denoiser passes on ` +
      `${found.s[k].toFixed(3)} times that, ${(found.s[k] * entry).toFixed(2)}. ` +
      `The residual is ${found.residual[k].toExponential(0)}.`;
    [...vectors.children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === k)));
  }

  function show(found, side, y) {
    vectors.replaceChildren(
      ...found.right.map((vector, k) => {
        const text = `${k + 1}: ${found.s[k].toFixed(2)}`;
        const picture = new Picture(side, `direction ${k + 1}, factor ${found.s[k].toFixed(2)}`, 2);
        picture.show(vector, text, null, around(vector));
        const tell = () => describe(found, k, y);
        const button = el("button", { type: "button", "aria-pressed": String(k === 0), focus: tell, mouseenter: tell, click: tell },
          picture.element);
        return button;
      }),
    );
    describe(found, 0, y);
  }

  return {
    element,
    async refresh(state, x, y) {
      const { name, other, side, labels } = lab.basis(state);
      const names = other ? [name, other] : [name];
      bar.value = 0;
      plot.replaceChildren();
      lab.busy(said, "Pushing directions through the network …");
      const curves = [];
      const done = await lab.ask("main", "basis", { names, y, k: COUNT }, (part) => {
        if (!part.found) {
          bar.value = Math.max(bar.value, Math.min(part.round / 36, 0.95));
          return;
        }
        if (part.name === name) show(part.found, side, y);
        const colour = `var(--gahr-${part.name === name ? "blue" : "vermillion"})`;
        curves.push({ name: labels[part.name], values: part.found.s, colour, dash: part.name === name ? "" : "5 4" });
        const top = Math.ceil(2 * Math.max(...curves.flatMap((curve) => curve.values))) / 2;
        plot.replaceChildren(rankPlot(curves, "singular values against rank", top));
        said.textContent =
          `Leading ${COUNT} singular values of ${labels[part.name]}: ${part.found.s[0].toFixed(2)} to ` +
          `${part.found.s[COUNT - 1].toFixed(2)}, in ${(part.milliseconds / 1000).toFixed(1)} s.`;
        const { s, right, residual } = part.found;
        const rows = right.map((row) => Array.from(row));
        const { milliseconds } = part;
        lab.record({ [part.name]: { y: Array.from(y), s, right: rows, residual, milliseconds } });
      });
      bar.value = done ? 1 : 0;
      if (done) lab.record({ basis: names });
      if (!done) said.textContent = "Stopped.";
    },
  };
}
