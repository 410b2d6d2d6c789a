// Third panel: the leading singular vectors of the denoiser's Jacobian at the current picture.
import { around, el, Picture, rankPlot, tell } from "./dom.mjs";
import { dot } from "./linalg.mjs";
import { basisOf } from "./networks.mjs";

const COUNT = 20;
const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -COUNT, End: COUNT };

/** The panel: `element`; `refresh(state, x, y)` for a clean and a noisy picture; `stopped()`, `clear(text)`. */
export function basisPanel(lab) {
  const said = el("p", { role: "status" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "how well the vectors are known" });
  const stop = el("button", { type: "button", click: () => lab.stop() }, "Stop");
  const plot = el("div", { class: "lab-plot" });
  const detail = el("p", { class: "lab-detail" });
  const vectors = el("div", { class: "lab-vectors", role: "toolbar", keydown: step,
    "aria-label": "leading right singular vectors: arrow keys choose" });
  const element = el("div", {}, el("p", { class: "lab-actions" }, stop, bar), said, detail, vectors, plot);
  let found = null; // of the network that is looked at
  let chosen = 0;

  /** Choose a direction; it is read out only if the reader chose it. */
  function choose(k, loud) {
    chosen = k;
    detail.setAttribute("aria-live", loud ? "polite" : "off");
    const { s, residual, entries } = found;
    detail.textContent =
      `Direction ${k + 1}: the noisy picture has ${entries[k].toFixed(2)} of it; the denoiser passes on ` +
      `${s[k].toFixed(3)} times that, ${(s[k] * entries[k]).toFixed(2)}. ` +
      `The residual is ${residual[k].toExponential(0)}.`;
    [...vectors.children].forEach((button, i) => {
      button.setAttribute("aria-pressed", String(i === k));
      button.tabIndex = i === k ? 0 : -1;
    });
  }

  function step(event) {
    if (!KEYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const last = vectors.children.length - 1;
    vectors.children[Math.min(Math.max(chosen + KEYS[event.key], 0), last)].focus();
  }

  function show(side) {
    const focused = vectors.contains(document.activeElement);
    vectors.classList.remove("lab-stale");
    vectors.replaceChildren(
      ...found.right.map((vector, k) => {
        const text = `${k + 1}: ${found.s[k].toFixed(2)}`;
        const picture = new Picture(side, `direction ${k + 1}`, 2);
        picture.show(found.turned[k], text, null, around(vector));
        const loud = () => choose(k, true);
        return el("button", { type: "button", "aria-label": `${text}, direction and factor`, focus: loud, click: loud }, picture.element);
      }),
    );
    choose(Math.min(chosen, found.s.length - 1), false);
    if (focused) vectors.children[chosen].focus();
  }

  /** Take over singular triplets and show them. */
  function adopt({ s, right, residual }, y, side) {
    // a singular vector has no sign of its own: here the noisy picture has a positive amount of it
    const signs = right.map((vector) => (dot(vector, y) < 0 ? -1 : 1));
    const turned = right.map((vector, k) => vector.map((value) => signs[k] * value));
    found = { s, right, residual, turned, entries: turned.map((vector) => dot(vector, y)) };
    show(side);
  }

  function clear(text) {
    vectors.replaceChildren();
    plot.replaceChildren();
    detail.textContent = "";
    bar.value = 0;
    tell(said, text);
  }

  return {
    element,
    clear,

    stopped() {
      if (vectors.classList.contains("lab-stale")) clear("Stopped.");
      bar.value = 0;
      tell(said, "Stopped.");
    },

    async refresh(state, x, y) {
      const { names, side, labels } = basisOf(state);
      bar.value = 0;
      plot.replaceChildren();
      vectors.classList.add("lab-stale");
      tell(said, "Pushing directions through the network …", 300);
      const [curves, lines] = [[], []];
      const end = await lab.ask("main", "basis", { names, y, k: COUNT }, (part) => {
        const at = names.indexOf(part.name);
        if (!part.found) {
          bar.value = Math.max(bar.value, (at + Math.min(part.round / 36, 0.95)) / names.length);
          if (part.early && at === 0) {
            adopt(part.early, y, side);
            tell(said, "A first look; refining …");
            lab.record({ early: { y: Array.from(y), s: part.early.s, milliseconds: part.milliseconds } });
          }
          return;
        }
        const { s, right, residual } = part.found;
        if (at === 0) adopt(part.found, y, side);
        curves.push({ name: labels[part.name], values: s, dash: at ? "5 4" : "",
          colour: `var(--gahr-${at ? "vermillion" : "blue"})` });
        lines.push(`${labels[part.name]}: ${s[0].toFixed(2)} to ${s[COUNT - 1].toFixed(2)}, ` +
          `in ${(part.milliseconds / 1000).toFixed(1)} s`);
        const top = Math.ceil(2 * Math.max(...curves.flatMap((curve) => curve.values))) / 2;
        plot.replaceChildren(rankPlot(curves, "singular values against rank", top));
        const rows = right.map((row) => Array.from(row));
        const { milliseconds } = part;
        lab.record({ [part.name]: { y: Array.from(y), s, right: rows, residual, milliseconds } });
      });
      if (end !== "done") return;
      bar.value = 1;
      tell(said, `Leading ${COUNT} singular values. ${lines.map((line) => `${line}.`).join(" ")}`);
      lab.record({ basis: names });
    },
  };
}
