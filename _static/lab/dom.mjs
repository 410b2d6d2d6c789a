// Small helpers to build the page. Nothing here knows of networks.

/** An element with attributes (functions become listeners) and children. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A control with its label; the control has an id. */
export function labelled(text, control, extra = null) {
  return el("span", { class: "lab-field" }, el("label", { for: control.id }, text), control, extra);
}

/** A choice among `[value, text]` pairs. */
export function choice(id, options, changed) {
  const made = el("select", { id, change: () => changed(made.value) });
  made.append(...options.map(([key, text]) => el("option", { value: key }, text)));
  return made;
}

const waiting = new WeakMap();

/** Put a text in its place after some milliseconds of quiet: a live region should not chatter. */
export function tell(place, text, wait = 0) {
  clearTimeout(waiting.get(place));
  if (wait) waiting.set(place, setTimeout(() => { place.textContent = text; }, wait));
  else place.textContent = text;
}

/** A canvas that shows a gray picture with square pixels, and says in words what it shows. */
export class Picture {
  constructor(size, alt, scale = 4) {
    this.size = size;
    this.canvas = el("canvas", { width: size, height: size, role: "img", "aria-label": alt });
    this.canvas.style.width = `${size * scale}px`;
    this.caption = el("figcaption");
    this.element = el("figure", { class: "lab-picture" }, this.canvas, this.caption);
  }

  /** `low` and `high` become black and white. */
  show(x, text = null, alt = null, [low, high] = [0, 1]) {
    const context = this.canvas.getContext("2d");
    const pixels = context.createImageData(this.size, this.size);
    for (let i = 0; i < x.length; i += 1) {
      const gray = Math.round((255 * (x[i] - low)) / (high - low));
      pixels.data.set([gray, gray, gray, 255], 4 * i);
    }
    context.putImageData(pixels, 0, 0);
    this.stale(false);
    if (text !== null) this.caption.textContent = text;
    if (alt !== null) this.canvas.setAttribute("aria-label", alt);
  }

  /** Whether what it shows belongs to an earlier question. */
  stale(is = true) {
    this.element.classList.toggle("lab-stale", is);
  }
}

/** A vector shown with zero at middle gray. */
export function around(vector) {
  let most = 1e-12;
  for (const value of vector) most = Math.max(most, Math.abs(value));
  return [-most, most];
}

/** A function that waits until calls have paused; `cancel` forgets the one that waits. */
export function debounced(run, milliseconds = 60) {
  let timer = null;
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...values), milliseconds);
  };
  return Object.assign(later, { cancel: () => clearTimeout(timer) });
}

const SVG = "http://www.w3.org/2000/svg";

/** A plot of curves against rank: `[{ name, values, colour, dash }]`. */
export function rankPlot(curves, label, top) {
  const [width, height, left, below] = [420, 232, 42, 34];
  const svg = document.createElementNS(SVG, "svg");
  const add = (tag, attributes, text = "") => {
    const made = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    svg.append(made);
  };
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img");
  const said = curves.map(({ name, values }) =>
    `${name}: ${[1, 5, 10, 20].filter((k) => k <= values.length).map((k) => `${values[k - 1].toFixed(2)} at ${k}`).join(", ")}`);
  svg.setAttribute("aria-label", `${label}. ${said.join(". ")}.`);
  const most = Math.max(...curves.map((curve) => curve.values.length), 2);
  const x = (rank) => left + ((width - left - 12) * (rank - 1)) / (most - 1);
  const y = (value) => height - below - ((height - below - 28) * value) / top;
  for (let value = 0; value <= top + 1e-9; value += 0.5) {
    add("line", { x1: left, x2: width - 12, y1: y(value), y2: y(value), class: "lab-grid" });
    add("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(1));
  }
  for (const rank of [1, 5, 10, 15, 20].filter((value) => value <= most)) {
    add("text", { x: x(rank), y: height - below + 16, "text-anchor": "middle" }, String(rank));
  }
  add("text", { x: (left + width) / 2, y: height - 4, "text-anchor": "middle" }, "rank k");
  add("text", { x: left - 34, y: 12 }, "singular value");
  curves.forEach(({ values, colour, dash }) => {
    const points = values.map((value, k) => `${x(k + 1)},${y(value)}`).join(" ");
    add("polyline", { points, fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash ?? "" });
    values.forEach((value, k) => add("circle", { cx: x(k + 1), cy: y(value), r: 2.5, fill: colour }));
  });
  const legend = el("p", { class: "lab-legend" }, ...curves.map(({ name, colour, dash }) =>
    el("span", { style: `--line: ${colour}`, class: dash ? "dashed" : null }, name)));
  return el("div", {}, svg, legend);
}
