// What a panel shows, as one PNG with its captions, as wide as a slide.
import { el } from "./dom.mjs";

const [WIDE, GAP, LINE, FONT] = [1920, 24, 36, 28];
const LARGER = 3; // the plot: its letters are then as large as the captions
const PRINT = "text { font: 12px sans-serif; fill: #000 } .lab-grid { stroke: #ccc }";

/** All pictures of an element on white, in rows, each with its caption; its plot, if it has one, below. */
export async function sheet(element) {
  const figures = [...element.querySelectorAll("figure")].map((figure) => ({
    canvas: figure.querySelector("canvas"),
    text: figure.querySelector("figcaption").textContent,
  }));
  if (!figures.length) return null;
  const columns = figures.length <= 6 ? Math.min(figures.length, 3) : 4;
  const pixels = Math.max(...figures.map(({ canvas }) => canvas.width));
  const zoom = Math.floor(((WIDE - GAP) / columns - GAP) / pixels); // whole: square pixels stay square
  const side = pixels * zoom;
  const page = el("canvas", { width: WIDE });
  const context = page.getContext("2d");
  const dress = () => Object.assign(context, { font: `${FONT}px sans-serif`, imageSmoothingEnabled: false });
  dress();
  const captions = figures.map(({ text }) => wrapped(context, text, side));
  const high = side + LINE * Math.max(...captions.map((lines) => lines.length)) + GAP;
  const plot = await plotOf(element);
  const below = Math.ceil(figures.length / columns) * high + GAP;
  page.height = below + (plot ? plot.height + LINE * plot.names.length + GAP : 0);
  dress(); // a new height forgets it
  context.fillStyle = "#fff";
  context.fillRect(0, 0, page.width, page.height);
  context.fillStyle = "#000";
  figures.forEach(({ canvas }, i) => {
    const [x, y] = [GAP + (i % columns) * (side + GAP), GAP + Math.floor(i / columns) * high];
    context.drawImage(canvas, x, y, canvas.width * zoom, canvas.height * zoom);
    captions[i].forEach((line, k) => context.fillText(line, x, y + canvas.height * zoom + LINE * (k + 1) - 6));
  });
  if (plot) {
    context.drawImage(plot.image, GAP, below, plot.width, plot.height);
    plot.names.forEach(({ text, colour }, k) => {
      context.fillStyle = colour;
      context.fillText(text, GAP + 100, below + plot.height + LINE * (k + 1));
    });
  }
  return page;
}

/** The element's plot as a picture, in the colours of print, and the names of its curves. */
async function plotOf(element) {
  const svg = element.querySelector(".lab-plot svg");
  if (!svg) return null;
  const { width, height } = svg.viewBox.baseVal;
  const copy = svg.cloneNode(true);
  copy.prepend(Object.assign(document.createElementNS(svg.namespaceURI, "style"), { textContent: PRINT }));
  const drawn = copy.querySelectorAll("polyline, circle"); // their colours are names that only the page knows
  svg.querySelectorAll("polyline, circle").forEach((part, i) => {
    const { stroke, fill } = getComputedStyle(part);
    drawn[i].setAttribute("style", `stroke: ${stroke}; fill: ${fill}`);
  });
  copy.setAttribute("width", LARGER * width);
  copy.setAttribute("height", LARGER * height);
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  const names = [...element.querySelectorAll(".lab-legend span")].map((span) => ({
    text: span.textContent,
    colour: getComputedStyle(span).getPropertyValue("--line"),
  }));
  return { image, width: LARGER * width, height: LARGER * height, names };
}

function wrapped(context, text, width) {
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Hand a sheet, if there is one, to the reader as a file. */
export function download(page, name) {
  page?.toBlob((blob) => {
    const link = el("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
