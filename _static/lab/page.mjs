// The lab's page: controls, three panels, one worker. Loads nothing until the reader asks for it.
import { basisPanel } from "./basis.mjs";
import { denoisePanel } from "./denoise.mjs";
import { choice, debounced, el, labelled } from "./dom.mjs";
import { drawingBoard } from "./drawing.mjs";
import { addNoise } from "./images.mjs";
import { NAMES, Pictures } from "./pictures.mjs";
import { DEFAULTS, format, parse } from "./state.mjs";
import { twinsPanel } from "./twins.mjs";

const FAMILIES = [
  ["clothes", "clothes (32×32), N = 1 to 14,000"],
  ["faces", "faces (40×40), N = 13,000"],
  ["calpha", "smooth contours (40×40), fresh pictures"],
  ["discs", "discs (40×40), fresh pictures"],
];
const SIZES = [1, 10, 100, 1000, 10000, 14000];
const PANELS = [
  ["denoise", "Denoise", denoisePanel],
  ["twins", "Two networks", twinsPanel],
  ["basis", "Basis", basisPanel],
];
const root = document.getElementById("gahr-lab");

/** Requests to the worker, by channel; the latest wins. */
class Asker {
  constructor() {
    this.open = new Map();
    this.last = 0;
    this.worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      for (const [id] of this.open) this.hear({ id, error: "the worker could not start" });
    };
  }

  /** Resolves to whether it ran to its end (not superseded). */
  ask(channel, task, options, heard) {
    this.last += 1;
    const id = this.last;
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve, reject, heard });
      this.worker.postMessage({ id, channel, task, options });
    });
  }

  cancel(channel) {
    this.last += 1;
    this.worker.postMessage({ id: this.last, channel, task: "cancel" });
  }

  hear({ id, part, done, superseded, error }) {
    const asked = this.open.get(id);
    if (!asked) return;
    if (part) {
      asked.heard?.(part);
      return;
    }
    this.open.delete(id);
    if (error) asked.reject(new Error(error));
    else if (done) asked.resolve(!superseded);
  }
}

function start() {
  let state = parse(location.hash);
  const asker = new Asker();
  const results = {};
  const problem = el("p", { role: "alert", class: "lab-problem" });
  const files = new Map();

  const lab = {
    state: () => state,
    ask: (...request) => asker.ask(...request),
    cancel: (channel) => asker.cancel(channel),
    busy: (place, text) => { place.textContent = text; },
    record: (found) => Object.assign(results, found),
    update,
    async file(name) {
      if (!files.has(name)) {
        const answer = await fetch(new URL(`networks/${name}`, import.meta.url));
        if (!answer.ok) throw new Error(`${name} is missing (${answer.status})`);
        files.set(name, new Uint8Array(await answer.arrayBuffer()));
      }
      return files.get(name);
    },
    networks(now) {
      if (now.family === "clothes") {
        const rows = SIZES.map((n) => [`fashion32-unet16-n${n}-a`, `N = ${n.toLocaleString("en")}`]);
        return pack(rows, 32);
      }
      if (now.family === "faces") {
        return pack(["a", "b"].map((h) => [`faces40-unet16-n13000-${h}`, `half ${h.toUpperCase()}`]), 40);
      }
      return pack([[single(now), now.family === "discs" ? "trained on discs" : `trained at α = ${now.alpha}`]], 40);
    },
    twins(now) {
      const [stem, n, side] = now.family === "clothes" ? ["fashion32", now.n, 32] : ["faces40", 13000, 40];
      return { pair: ["a", "b"].map((half) => `${stem}-unet16-n${n}-${half}`), n, side };
    },
    basis(now) {
      const clothes = now.family === "clothes";
      const name = clothes
        ? `fashion32-unet16-n${now.n}-a`
        : now.family === "faces" ? "faces40-unet16-n13000-a" : single(now);
      const other = clothes && now.n !== 10 ? "fashion32-unet16-n10-a" : null;
      const text = clothes ? `N = ${now.n.toLocaleString("en")}` : "this network";
      return { name, other, side: clothes ? 32 : 40, labels: { [name]: text, [other]: "N = 10, memorizing" } };
    },
  };
  const single = (now) => (now.family === "discs" ? "discs40-unet16-fresh-a" : `calpha40a${now.alpha}-unet16-fresh-a`);
  const pack = (rows, side) => ({ names: rows.map(([name]) => name), labels: Object.fromEntries(rows), side });

  const pictures = new Pictures(lab.file, async (seed) => {
    const names = ["faces40-unet16-n13000-a", "faces40-unet16-n13000-a"];
    let x = null;
    await asker.ask("face", "twins", { names, seed, d: 1600, every: 1e9 }, (part) => { [x] = part.estimates; });
    return x;
  });

  const panels = Object.fromEntries(PANELS.map(([name, , make]) => [name, make(lab)]));
  const tabs = PANELS.map(([name, text]) =>
    el("button", { type: "button", role: "tab", id: `lab-tab-${name}`, "aria-controls": "lab-panel",
      click: () => update({ panel: name }), keydown: step }, text));
  const stage = el("div", { id: "lab-panel", role: "tabpanel", tabindex: 0 });
  const controls = el("div", { class: "lab-controls" });
  const board = drawingBoard((x, side) => {
    pictures.own = { x, width: side, height: side };
    update({ picture: "own" }, true);
  });

  function step(event) {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const at = tabs.indexOf(event.target);
    const next = (at + move + tabs.length) % tabs.length;
    update({ panel: PANELS[next][0] });
    tabs[next].focus();
  }

  function update(changes, force = false) {
    const next = { ...state, ...changes };
    if (next.panel === "twins" && !["clothes", "faces"].includes(next.family)) next.family = "clothes";
    if (format(next) === format(state) && !force) return;
    const redraw = Object.keys(changes).some((key) => key !== "noise") || next.family !== state.family;
    state = next;
    history.replaceState(null, "", format(state) === "#" ? location.pathname + location.search : format(state));
    if (redraw) layout();
    refresh();
  }

  function layout() {
    const focused = document.activeElement?.id;
    tabs.forEach((tab, i) => {
      const chosen = PANELS[i][0] === state.panel;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    });
    stage.setAttribute("aria-labelledby", `lab-tab-${state.panel}`);
    if (stage.firstChild !== panels[state.panel].element) stage.replaceChildren(panels[state.panel].element);
    const twins = state.panel === "twins";
    const families = twins ? FAMILIES.slice(0, 2) : FAMILIES;
    const seeded = twins || ["disc", "calpha", "face"].includes(state.picture);
    const noise = el("input", { type: "range", min: 0.02, max: 1, step: 0.01, value: state.noise, id: "lab-noise",
      input: (event) => {
        level.textContent = Number(event.target.value).toFixed(2);
        update({ noise: Number(event.target.value) });
      } });
    const level = el("output", { for: "lab-noise" }, state.noise.toFixed(2));
    const fields = [
      labelled("Networks trained on", choice(families, state.family, (family) => update({ family }))),
      state.family === "clothes" && state.panel !== "denoise"
        ? labelled("N", choice(SIZES.map((n) => [n, n.toLocaleString("en")]), state.n, (n) => update({ n: Number(n) })))
        : null,
      state.family === "calpha" || (!twins && state.picture === "calpha")
        ? labelled("α", choice([1, 2, 3, 4, 5].map((a) => [a, a]), state.alpha, (a) => update({ alpha: Number(a) })))
        : null,
      twins ? null : labelled("Picture", choice(NAMES, state.picture, (picture) => update({ picture }))),
      twins ? null : labelled("Noise σ", noise, level),
      seeded
        ? labelled("Seed", el("input", { type: "number", min: 0, max: 999999, step: 1, value: state.seed, id: "lab-seed",
          change: (event) => update({ seed: Math.min(Math.max(Math.round(Number(event.target.value)) || 0, 0), 999999) }) }))
        : null,
    ];
    fields.forEach((field, i) => {
      const control = field?.querySelector("select, input");
      if (control && !["lab-noise", "lab-seed"].includes(control.id)) {
        const id = `lab-choice-${i}`;
        field.querySelector("label").setAttribute("for", id);
        control.id = id;
      }
    });
    controls.replaceChildren(...fields.filter(Boolean), ...(state.picture === "own" && !twins ? [own] : []));
    if (focused) document.getElementById(focused)?.focus();
  }

  const file = el("input", { type: "file", accept: "image/*", id: "lab-file", change: async (event) => {
    try {
      problem.textContent = "";
      if (!event.target.files.length) return;
      await pictures.upload(event.target.files[0]);
      update({ picture: "own" }, true);
    } catch (error) {
      problem.textContent = error.message;
    }
  } });
  const own = el("div", { class: "lab-own" },
    labelled("Upload a picture (it stays in this tab)", file), board);

  const refresh = debounced(async () => {
    const now = state;
    try {
      problem.textContent = "";
      if (now.panel === "twins") {
        await panels.twins.refresh(now);
        return;
      }
      if (now.picture === "own" && !pictures.own) {
        problem.textContent = "Upload a picture, or draw one on the board.";
        return;
      }
      const side = now.panel === "denoise" ? lab.networks(now).side : lab.basis(now).side;
      const x = await pictures.get(now, side);
      if (now !== state) return;
      await panels[now.panel].refresh(now, x, addNoise(x, now.noise, now.seed + 1000));
    } catch (error) {
      problem.textContent = explain(error);
    }
  });

  const copied = el("span", { role: "status" });
  const actions = el("p", { class: "lab-actions" },
    el("button", { type: "button", click: () => update({ ...DEFAULTS, panel: state.panel }, true) }, "Reset"), " ",
    el("button", { type: "button", click: () => download(stage) }, "Download picture"), " ",
    el("button", { type: "button", click: async () => {
      const link = location.href;
      try {
        await navigator.clipboard.writeText(link);
        copied.textContent = "Copied.";
      } catch {
        copied.textContent = link;
      }
    } }, "Copy link"), " ", copied);

  root.replaceChildren(el("div", { role: "tablist", "aria-label": "What to look at", class: "lab-tabs" }, ...tabs),
    controls, problem, stage, actions);
  addEventListener("hashchange", () => {
    state = parse(location.hash);
    layout();
    refresh();
  });
  root.results = results; // for tests, and for the curious
  layout();
  refresh();
}

function explain(error) {
  if (/ort\.wasm|dynamically imported|import/i.test(error.message)) {
    return "The engine that runs networks is not part of this copy of the book: it is fetched from npm when the book is built.";
  }
  return `Something went wrong: ${error.message}`;
}

/** All pictures of the panel in one PNG. */
function download(stage) {
  const canvases = [...stage.querySelectorAll("canvas")];
  if (!canvases.length) return;
  const [zoom, gap] = [4, 8];
  const columns = Math.min(canvases.length, 5);
  const side = Math.max(...canvases.map((canvas) => canvas.width)) * zoom + gap;
  const sheet = el("canvas", { width: columns * side + gap, height: Math.ceil(canvases.length / columns) * side + gap });
  const context = sheet.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, sheet.width, sheet.height);
  canvases.forEach((canvas, i) => {
    const [x, y] = [gap + (i % columns) * side, gap + Math.floor(i / columns) * side];
    context.drawImage(canvas, x, y, canvas.width * zoom, canvas.height * zoom);
  });
  sheet.toBlob((blob) => {
    const link = el("a", { href: URL.createObjectURL(blob), download: "gahr-lab.png" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

if (root) {
  const button = root.querySelector("button[data-start]");
  if (location.protocol === "file:") {
    root.querySelector("[data-note]").textContent =
      "Opened from a file, a browser refuses to load networks. Run make serve and open the address it prints.";
  } else if (typeof WebAssembly !== "object") {
    root.querySelector("[data-note]").textContent = "This browser has no WebAssembly, which the networks need.";
  } else {
    button.hidden = false;
    button.addEventListener("click", start);
    if (location.hash.length > 1) start(); // a link to a configuration asks for it
  }
}
