// Third panel: the basis in which the denoiser shrinks the current picture, one direction at a time.
import { el, Picture, tell } from "./dom.mjs";
import { psnr } from "./images.mjs";
import { addScaled, dot } from "./linalg.mjs";
import { basisOf } from "./networks.mjs";
import { rankPlot } from "./plot.mjs";
import { storedBasis } from "./stored.mjs";

const LIVE = 20; // directions that are computed here; of stored ones there are more

/** The panel: `element`; `refresh(state, x, y)` for a clean and a noisy picture; `stopped()`, `clear(text)`. */
export function basisPanel(lab) {
  const said = el("p", { role: "status" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "how well the directions are known" });
  const stop = el("button", { type: "button", click: () => lab.stop() }, "Stop");
  const given = el("div", { class: "lab-stage lab-given" });
  const large = el("div", { class: "lab-stage lab-two" });
  const plot = el("div", { class: "lab-plot" });
  const detail = el("p", { class: "lab-detail" });
  const rank = el("input", { type: "range", min: 1, max: LIVE, step: 1, value: 1, id: "lab-rank",
    input: () => choose(Number(rank.value), true) });
  const which = el("output", { for: "lab-rank", "aria-live": "off" });
  const element = el("div", {},
    el("p", { class: "lab-notice" }, "Notice: the first directions are broad patches, the later ones finer and finer waves, and both follow " +
      "the contours of this very picture. From which number on can it be recognized?"),
    el("div", { class: "lab-field lab-rank" }, el("label", { for: "lab-rank" }, "Direction k"), rank, which),
    el("div", { class: "lab-basis" }, given, large), detail, plot,
    el("p", { class: "lab-actions" }, stop, bar), said);
  let found = null; // lam, e, entries, residual, x, and what draws it
  let chosen = LIVE;

  /** Show direction `k` and the first `k` together; it is read out only if the reader chose it. */
  function choose(k, loud) {
    const { lam, e, entries, residual, x } = found;
    if (loud) chosen = k;
    rank.value = k;
    which.textContent = `${k} of ${lam.length}`;
    detail.setAttribute("aria-live", loud ? "polite" : "off");
    found.direction.showSigned(e[k - 1], `direction ${k}: factor ${lam[k - 1].toFixed(2)}`);
    const together = new Float64Array(x.length);
    for (let i = 0; i < k; i += 1) addScaled(together, lam[i] * entries[i], e[i]);
    found.together.show(together, `directions 1 to ${k} together: ${psnr(x, together).toFixed(1)} dB`);
    found.plot?.mark(k);
    detail.textContent =
      `Direction ${k}: the noisy picture has ${entries[k - 1].toFixed(2)} of it; the denoiser passes on ` +
      `${lam[k - 1].toFixed(3)} times that, ${(lam[k - 1] * entries[k - 1]).toFixed(2)}. ` +
      `Residual: ${residual[k - 1].toExponential(0)} (how far it is from an exact eigenvector; 0 is exact).`;
  }

  /** Take over eigenvalues and eigenvectors and show them. */
  function adopt({ lam, e, residual }, x, y, side) {
    // an eigenvector has no sign of its own: here the noisy picture has a positive amount of it
    const turned = e.map((vector) => (dot(vector, y) < 0 ? vector.map((value) => -value) : vector));
    const direction = new Picture(side, "a direction: orange where it is negative, purple where it is positive", 8);
    const together = new Picture(side, "what the first directions make of the noisy picture together", 8);
    found = { lam, residual, x, direction, together, e: turned, entries: turned.map((vector) => dot(vector, y)) };
    rank.max = lam.length;
    rank.disabled = false;
    large.classList.remove("lab-stale");
    large.replaceChildren(direction.element, together.element);
    choose(Math.min(chosen, lam.length), false);
  }

  function drawPlot(curves) {
    found.plot = rankPlot(curves.map(([name, values], at) => ({ name, values, dash: at ? "5 4" : "",
      colour: `var(--gahr-${at ? "vermillion" : "blue"})` })), "eigenvalues against rank", "factor");
    plot.replaceChildren(found.plot.element);
    found.plot.mark(Number(rank.value));
  }

  function clear(text) {
    for (const part of [given, large, plot]) part.replaceChildren();
    detail.textContent = "";
    which.textContent = "";
    rank.disabled = true;
    bar.value = 0;
    tell(said, text);
  }

  return {
    element,
    clear,

    stopped() {
      if (large.classList.contains("lab-stale")) clear("");
      bar.value = 0;
      tell(said, "Stopped.");
    },

    async refresh(state, x, y) {
      const { names, side, labels } = basisOf(state);
      const [clean, noisy, estimate] = ["picture", "noisy picture", "estimate"].map((name) => new Picture(side, name, 4));
      clean.show(x, "the picture");
      noisy.show(y, `with noise σ = ${state.noise.toFixed(2)}: ${psnr(x, y).toFixed(1)} dB`);
      given.replaceChildren(clean.element, noisy.element, estimate.element);
      bar.value = 0;
      rank.disabled = true;
      plot.replaceChildren();
      large.classList.add("lab-stale");
      const ready = await storedBasis(lab.file, names[0], state);
      if (lab.state() !== state) return;
      if (ready) {
        adopt(ready, x, y, side);
        drawPlot([[labels[names[0]], ready.lam], ...names.slice(1).map((name) => [labels[name], ready.others[name]])]);
        tell(said, `The ${ready.lam.length} leading eigenvectors, stored with the book. Change the noise, and ${LIVE} are computed here.`);
        lab.record({ stored: { names, y: Array.from(y), lam: ready.lam, e: ready.e.map((row) => Array.from(row)) } });
      } else tell(said, "Pushing directions through the network …", 300);
      const seen = ([part]) => {
        const db = psnr(x, part.estimate).toFixed(1);
        estimate.show(part.estimate, `the denoiser's estimate: ${db} dB`);
      };
      if (await lab.ask("main", "denoise", { names: names.slice(0, 1), y }, (part) => seen([part])) !== "done") return;
      if (!ready && await compute(names, labels, x, y, side) !== "done") return;
      bar.value = 1;
      lab.record({ basis: names });
    },
  };

  async function compute(names, labels, x, y, side) {
    const [curves, lines] = [[], []];
    const end = await lab.ask("main", "basis", { names, y, k: LIVE }, (part) => {
      const at = names.indexOf(part.name);
      if (!part.found) {
        bar.value = Math.max(bar.value, (at + Math.min(part.round / 36, 0.95)) / names.length);
        if (part.early && at === 0) {
          adopt(part.early, x, y, side);
          tell(said, "A first look; refining …");
          lab.record({ early: { y: Array.from(y), lam: part.early.lam, milliseconds: part.milliseconds } });
        }
        return;
      }
      const { lam, e, residual } = part.found;
      if (at === 0) adopt(part.found, x, y, side);
      curves.push([labels[part.name], lam]);
      lines.push(`${labels[part.name]}: ${lam[0].toFixed(2)} to ${lam.at(-1).toFixed(2)}, in ${(part.milliseconds / 1000).toFixed(1)} s.`);
      drawPlot(curves);
      lab.record({ [part.name]: { y: Array.from(y), lam, e: e.map((row) => Array.from(row)), residual, milliseconds: part.milliseconds } });
    });
    if (end === "done") tell(said, `Leading ${LIVE} eigenvalues. ${lines.join(" ")}`);
    return end;
  }
}
