// The lab's page: controls, three panels, one worker. Loads nothing until the reader asks for it.
import { Asker } from "./asker.mjs";
import { basisPanel } from "./basis.mjs";
import { controls } from "./controls.mjs";
import { denoisePanel } from "./denoise.mjs";
import { debounced, el, labelled, tell } from "./dom.mjs";
import { drawingBoard } from "./drawing.mjs";
import { POLICY, fetched } from "./files.mjs";
import { addNoise } from "./images.mjs";
import { basisOf, kindOf, rowOf } from "./networks.mjs";
import { Pictures } from "./pictures.mjs";
import { sheet, download } from "./sheet.mjs";
import { SEEDS } from "./shown.mjs";
import { DEFAULTS, asks, format, parse } from "./state.mjs";
import { twinsPanel } from "./twins.mjs";

const PANELS = [
  ["denoise", "Denoise", denoisePanel],
  ["twins", "Two networks", twinsPanel],
  ["basis", "Basis", basisPanel],
];
const OWN = "Upload a picture, or draw one on the board.";
const root = document.getElementById("gahr-lab");

/** Puts the lab in its place; returns a function that takes the state from the address. */
function start() {
  let state = parse(location.hash);
  const states = { ...DEFAULTS, [state.panel]: state }; // each panel keeps its own
  let turn = 0; // of computations: what an earlier one finds out is not shown
  let busy = false;
  const asker = new Asker();
  const results = {};
  const files = new Map();
  const problem = el("p", { role: "alert", class: "lab-problem" });

  const lab = {
    state: () => state,
    ask: (...request) => asker.ask(...request),
    record: (found) => Object.assign(results, found),
    update,
    stop,
    async file(name) {
      if (!files.has(name)) files.set(name, await fetched(name));
      return files.get(name);
    },
  };
  const pictures = new Pictures(lab.file, async (seed) => {
    let x = null;
    const options = { names: ["faces40-unet16-n13000-a"], seed, d: 1600, every: 1e9 };
    const end = await asker.ask("face", "twins", options, (part) => { [x] = part.estimates; });
    return end === "done" ? x : null;
  });

  const panels = Object.fromEntries(PANELS.map(([name, , make]) => [name, make(lab)]));
  const tabs = PANELS.map(([name, text]) =>
    el("button", { type: "button", role: "tab", id: `lab-tab-${name}`, "aria-controls": "lab-panel",
      click: () => update({ panel: name }), keydown: step }, text));
  const stage = el("div", { id: "lab-panel", role: "tabpanel", tabindex: 0 });

  function step(event) {
    const at = tabs.indexOf(event.target);
    const next = { ArrowRight: (at + 1) % 3, ArrowLeft: (at + 2) % 3, Home: 0, End: 2 }[event.key];
    if (next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    update({ panel: PANELS[next][0] });
    tabs[next].focus();
  }

  const file = el("input", { type: "file", accept: "image/png,image/jpeg,image/gif,image/webp,image/bmp", id: "lab-file", change: async () => {
    if (!file.files.length) return;
    problem.textContent = "";
    try {
      await pictures.upload(file.files[0]);
      update({ picture: "own" }, true);
    } catch (error) {
      problem.textContent = error.message;
    }
  } });
  const board = drawingBoard((x, side) => {
    pictures.own = { x, width: side, height: side };
    update({ picture: "own" }, true);
  });
  const own = el("div", { class: "lab-own" }, labelled("Upload a picture (it stays in this tab)", file), board.element);
  const fields = controls(update, own);

  function update(changes, force = false) {
    const { panel = state.panel, ...rest } = changes;
    if (panel === "basis" && rest.picture) rest.family = kindOf(rest.picture) ?? state.family; // networks of the same kind
    if (panel === "twins" && rest.family && state.seed === SEEDS[state.family]) rest.seed = SEEDS[rest.family]; // its own story
    const next = panel === state.panel ? { ...state, ...rest } : states[panel];
    if (format(next) === format(state) && !force) return;
    state = next;
    states[panel] = state;
    write();
    show();
  }

  function show() {
    copied.textContent = "";
    tabs.forEach((tab, i) => {
      const chosen = PANELS[i][0] === state.panel;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    });
    stage.setAttribute("aria-labelledby", `lab-tab-${state.panel}`);
    if (stage.firstChild !== panels[state.panel].element) stage.replaceChildren(panels[state.panel].element);
    fields.show(state);
    busy = true;
    refresh();
  }

  const refresh = debounced(async () => {
    turn += 1;
    const [mine, now] = [turn, state];
    const panel = panels[now.panel];
    asker.end("main", "superseded");
    problem.textContent = "";
    try {
      if (now.panel === "twins") await panel.refresh(now);
      else if (now.picture === "own" && !pictures.own) panel.clear(OWN);
      else {
        const x = await pictures.get(now, (now.panel === "denoise" ? rowOf : basisOf)(now).side);
        if (mine !== turn) return;
        await panel.refresh(now, x, addNoise(x, now.noise, now.seed + 1000));
      }
    } catch (error) {
      if (mine !== turn) return;
      panel.clear("");
      problem.textContent = explain(error);
    }
    if (mine === turn) busy = false;
  });

  function stop() {
    if (!busy) return;
    busy = false;
    turn += 1;
    refresh.cancel();
    for (const channel of ["main", "face"]) asker.end(channel, "stopped");
    panels[state.panel].stopped();
  }

  const address = () => (format(state) === "#" ? location.pathname + location.search : format(state));
  let [written, later] = [-1e9, null];
  /** The state goes to the address, but not too often: browsers stop a page that writes there all the time. */
  function write() {
    clearTimeout(later);
    const wait = 350 - (performance.now() - written);
    if (wait > 0) {
      later = setTimeout(write, wait);
      return;
    }
    written = performance.now();
    history.replaceState(null, "", address());
  }

  function reset() {
    board.wipe();
    file.value = "";
    pictures.own = null;
    update(DEFAULTS[state.panel], true);
  }

  const copied = el("span", { role: "status", class: "lab-copied" });
  async function copy() {
    copied.textContent = "";
    const link = new URL(format(state) === "#" ? `#panel=${state.panel}` : format(state), location.href).href;
    const alas = state.picture === "own" && state.panel !== "twins" ? " Your own picture is not in it." : "";
    try {
      await navigator.clipboard.writeText(link);
      tell(copied, `Copied.${alas}`);
    } catch {
      tell(copied, `${link}${alas}`);
    }
  }
  const actions = el("p", { class: "lab-actions" },
    el("button", { type: "button", click: reset }, "Reset"),
    el("button", { type: "button", click: async () => download(await sheet(stage), `gahr-${state.panel}.png`) }, "Download picture"),
    el("button", { type: "button", click: copy }, "Copy link"), copied);

  root.replaceChildren(el("div", { role: "tablist", "aria-label": "What to look at", class: "lab-tabs" }, ...tabs),
    fields.element, problem, stage, actions);
  root.results = results; // for tests, and for the curious
  fields.fill(pictures).catch(() => {}); // a panel says what is missing
  show();

  return {
    take() {
      clearTimeout(later);
      state = parse(location.hash);
      states[state.panel] = state;
      show();
    },
    focus: () => tabs[PANELS.findIndex(([name]) => name === state.panel)].focus(),
  };
}

let policy = ""; // what a content security policy forbade on this page
document.addEventListener("securitypolicyviolation", (event) => { policy = event.effectiveDirective; });

function explain({ message }) {
  if (policy || message.startsWith(POLICY) || /content security policy|unsafe-eval/i.test(message)) {
    return `${POLICY}${policy ? ` (${policy})` : message.slice(POLICY.length)}. Whoever serves this page must allow ` +
      "script-src 'self' 'wasm-unsafe-eval', worker-src 'self' and connect-src 'self'. The figures of the chapters need none of this.";
  }
  if (/ort\.wasm|dynamically imported|importing|backend/i.test(message)) {
    return "The engine that runs networks could not be loaded. Either the connection broke: then Reset tries again. " +
      "Or it is not part of this copy of the book: it is fetched from npm when the book is built.";
  }
  return `Something went wrong: ${message}. Reset tries again.`;
}

if (root) {
  const button = root.querySelector("button[data-start]");
  const note = root.querySelector("[data-note]");
  note.hidden = false;
  if (location.protocol === "file:") {
    note.textContent = "Opened from a file, a browser refuses to load networks. Run make serve and open the address it prints.";
  } else if (typeof WebAssembly !== "object") {
    note.textContent = "This browser has no WebAssembly, which the networks need. " +
      "The figures of the chapters show the same: begin with chapter 5.";
  } else {
    let lab = null;
    button.hidden = false;
    button.addEventListener("click", () => {
      lab = start();
      lab.focus(); // the button is gone
    });
    if (asks(location.hash)) lab = start(); // a link to a configuration asks for it
    addEventListener("hashchange", () => {
      const asked = asks(location.hash);
      if (lab && (asked || !location.hash)) lab.take(); // a link on this page, or the way back from one
      else if (asked) lab = start();
      if (asked) lab.focus();
    });
  }
}
