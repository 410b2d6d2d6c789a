// Small helpers to build the page. Nothing here knows of networks.
import { gray, signed } from "./colours.mjs";

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

/** A canvas that shows a picture with square pixels, and says in words what it shows. */
export class Picture {
  constructor(size, alt, scale = 4) {
    this.size = size;
    this.canvas = el("canvas", { width: size, height: size, role: "img", "aria-label": alt });
    this.canvas.style.width = `${size * scale}px`;
    this.caption = el("figcaption");
    this.element = el("figure", { class: "lab-picture" }, this.canvas, this.caption);
  }

  /** `low` and `high` become black and white; `colours` maps a share from 0 to 1 to red, green and blue. */
  show(x, text = null, alt = null, [low, high] = [0, 1], colours = gray) {
    const context = this.canvas.getContext("2d");
    const pixels = context.createImageData(this.size, this.size);
    for (let i = 0; i < x.length; i += 1) pixels.data.set([...colours((x[i] - low) / (high - low)), 255], 4 * i);
    context.putImageData(pixels, 0, 0);
    this.stale(false);
    if (text !== null) this.caption.textContent = text;
    if (alt !== null) this.canvas.setAttribute("aria-label", alt);
  }

  /** A vector: orange where it is negative, white at zero, purple where it is positive. */
  showSigned(vector, text = null, alt = null) {
    let most = 1e-12;
    for (const value of vector) most = Math.max(most, Math.abs(value));
    this.show(vector, text, alt, [-most, most], (share) => signed(2 * share - 1));
  }

  /** Whether what it shows belongs to an earlier question. */
  stale(is = true) {
    this.element.classList.toggle("lab-stale", is);
  }
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
