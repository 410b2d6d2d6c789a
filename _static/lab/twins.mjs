// Second panel: two networks that share no training picture, and one seed. The noise in the middle, A and B at its sides.
import { el, Picture, tell } from "./dom.mjs";
import { pairOf } from "./networks.mjs";
import { MOST, SEEDS, SIZES } from "./state.mjs";
import { KNOWN, nearest } from "./training.mjs";

const PAUSE = 70; // milliseconds from frame to frame
const many = (n) => n.toLocaleString("en");

/**
 * Black and white of a picture under noise of level `sigma`, so that noise and sample can both be seen. A network that learned
 * pictures by heart draws them at any brightness: `top`, the estimate's brightest, becomes white as the noise goes.
 */
function span(sigma, top = 1) {
  const white = 1 + (Math.min(Math.max(top, 0.2), 1) - 1) * (1 - Math.min(sigma, 1));
  return [-1.2 * sigma, white + 1.2 * sigma];
}

/** The panel: `element`; `refresh(state)`, which draws a pair of samples; `stopped()`, `clear(text)`. */
export function twinsPanel(lab) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const said = el("p", { role: "status" });
  const size = el("input", { type: "range", min: 0, max: SIZES.length - 1, step: 1, id: "lab-twins-n",
    input: () => lab.update({ n: SIZES[size.value] }) });
  const sizes = el("output", { for: "lab-twins-n", "aria-live": "off" });
  const why = el("small", { class: "lab-hint" });
  const stage = el("div", { class: "lab-stage" });
  const near = el("div", { class: "lab-stage" });
  const play = el("button", { type: "button", disabled: true, click: () => (timer ? pause() : run()) }, "Play");
  const scrub = el("input", { type: "range", min: 0, max: 0, value: 0, id: "lab-scrub", input: () => {
    pause();
    follow = false;
    draw(Number(scrub.value));
  } });
  const where = el("output", { for: "lab-scrub", "aria-live": "off", class: "lab-where" });
  const again = el("button", { type: "button", click: () => lab.update({ seed: (lab.state().seed + 1) % SEEDS }) }, "Next seed");
  const stop = el("button", { type: "button", click: () => lab.stop() }, "Stop");
  const element = el("div", {},
    el("p", { class: "lab-notice" }, "Notice: all three pictures begin as the same noise. At large N both sides become nearly one " +
      "picture, though A and B, the two halves of the class, share none. Then take N down to 10: they part, each to a picture of its own half."),
    el("div", { class: "lab-field" }, el("label", { for: "lab-twins-n" }, "N"), size, sizes,
      el("small", { class: "lab-hint" }, "pictures that each network was trained on")),
    why,
    stage,
    el("div", { class: "lab-transport" }, play, el("label", { for: "lab-scrub", class: "visually-hidden" }, "Step"), scrub, where),
    near,
    el("p", { class: "lab-actions" }, again, stop), said);
  let [turn, timer, follow] = [0, null, true];
  let [frames, shown] = [[], []];

  function draw(at) {
    const frame = frames[at];
    if (!frame) return;
    scrub.value = at;
    frame.pictures.forEach((x, k) => {
      const sigma = frame.last ? 0 : frame.step ? frame.sigma[k] : 1; // all begin alike
      shown[2 * k].show(x, `network ${"AB"[k]}${frame.last ? ", at full contrast" : ""}`, null, span(sigma, Math.max(...frame.estimates[k])));
    });
    where.textContent = `step ${frame.step}, σ = ${Math.max(...frame.sigma).toFixed(2)}, A and B so far: ${frame.similarity.toFixed(2)}`;
  }

  function pause() {
    clearTimeout(timer);
    timer = null;
    play.textContent = "Play";
  }

  function run(at = 0) {
    pause();
    follow = false;
    draw(at);
    if (at >= frames.length - 1) return;
    play.textContent = "Pause";
    timer = setTimeout(() => run(at + 1), PAUSE);
  }

  function empty() {
    turn += 1;
    pause();
    frames = [];
    follow = true;
    play.disabled = true;
    where.textContent = "";
  }

  function heard(part) {
    if (!frames.length) shown[1].show(part.pictures[0], "the noise that both start from", null, span(1));
    frames.push(part);
    scrub.max = frames.length - 1;
    if (follow && (part.last || !calm.matches)) draw(frames.length - 1);
  }

  return {
    element,

    clear(text) {
      empty();
      stage.replaceChildren();
      near.replaceChildren();
      tell(said, text);
    },

    stopped() {
      turn += 1;
      pause();
      play.disabled = frames.length < 2;
      tell(said, "Stopped.");
    },

    async refresh(state) {
      empty();
      const mine = turn;
      const { family, pair, side, n } = pairOf(state);
      size.value = SIZES.indexOf(state.n);
      sizes.textContent = many(n);
      size.setAttribute("aria-valuetext", many(n));
      why.textContent = state.family === "faces" && state.n < MOST
        ? "Clothes instead of faces: networks that learned few faces by heart would draw photographs that may not be shown." : "";
      shown = ["network A", "noise", "network B"].map((name) => new Picture(side, name, 7));
      stage.replaceChildren(...shown.map((picture) => picture.element));
      near.replaceChildren();
      tell(said, "Both networks start from the same noise …");
      const options = { names: pair, seed: state.seed, d: side * side, every: 2 };
      const end = await lab.ask("main", "twins", options, heard);
      if (end !== "done" || mine !== turn) return;
      play.disabled = false;
      const final = frames.at(-1);
      let text =
        `N = ${many(n)}, seed ${state.seed}: after ${final.step} steps the two samples have ` +
        `similarity ${final.similarity.toFixed(2)} (1: the same picture up to brightness and contrast).`;
      let found = [];
      if (family === "clothes") {
        const files = await Promise.all(["a", "b"].map((half) => lab.file(`clothes-${half}.bin`)));
        if (mine !== turn) return; // meanwhile something else was asked for
        found = final.estimates.map((x, k) => nearest(x, files[k], "ab"[k], n));
        text += ` With their nearest training pictures: ${found.map(({ value }) => value.toFixed(2)).join(" and ")}`;
        text += n > KNOWN ? ` (searched: ${many(KNOWN)} of each half).` : ".";
      }
      ["A", "B"].forEach((name, k) => shown[2 * k].canvas.setAttribute("aria-label", `sample of network ${name}, seed ${state.seed}`));
      found.forEach(({ x, value }, k) => {
        const picture = new Picture(side, `nearest training picture of network ${"AB"[k]}`, 4);
        picture.show(x, `nearest training picture of ${"AB"[k]}: ${value.toFixed(2)}`);
        near.append(picture.element);
        if (!k) near.append(el("span"));
      });
      tell(said, text);
      lab.record({ twins: { pair, ...final, estimates: final.estimates.map((x) => Array.from(x)),
        nearest: found.map(({ at, value }) => [at, value]) } });
    },
  };
}
