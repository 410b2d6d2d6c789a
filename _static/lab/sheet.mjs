// What a panel shows, as one PNG with its captions: for a slide.
import { el } from "./dom.mjs";

const [ZOOM, GAP, LINE] = [4, 12, 17];

/** All pictures of an element on white, five in a row, each with its caption. */
export function sheet(element) {
  const figures = [...element.querySelectorAll("figure")].map((figure) => ({
    canvas: figure.querySelector("canvas"),
    text: figure.querySelector("figcaption").textContent,
  }));
  if (!figures.length) return null;
  const columns = Math.min(figures.length, 5);
  const side = Math.max(...figures.map(({ canvas }) => canvas.width)) * ZOOM;
  const page = el("canvas", { width: columns * (side + GAP) + GAP });
  const context = page.getContext("2d");
  const dress = () => Object.assign(context, { font: "13px sans-serif", imageSmoothingEnabled: false });
  dress();
  const captions = figures.map(({ text }) => wrapped(context, text, side));
  const high = side + LINE * Math.max(...captions.map((lines) => lines.length)) + GAP;
  page.height = Math.ceil(figures.length / columns) * high + GAP;
  dress(); // a new height forgets it
  context.fillStyle = "#fff";
  context.fillRect(0, 0, page.width, page.height);
  context.fillStyle = "#000";
  figures.forEach(({ canvas }, i) => {
    const [x, y] = [GAP + (i % columns) * (side + GAP), GAP + Math.floor(i / columns) * high];
    context.drawImage(canvas, x, y, canvas.width * ZOOM, canvas.height * ZOOM);
    captions[i].forEach((line, k) => context.fillText(line, x, y + canvas.height * ZOOM + LINE * (k + 1) - 3));
  });
  return page;
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
