// A plot of curves against rank.
import { el } from "./dom.mjs";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BELOW, RIGHT, ABOVE] = [420, 232, 42, 34, 12, 28];

/** Curves `[{ name, values, colour, dash }]`; `element`, and `mark(k)`, which marks a rank. */
export function rankPlot(curves, label, what) {
  const svg = document.createElementNS(SVG, "svg");
  const add = (tag, attributes, text = "") => {
    const made = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    svg.append(made);
    return made;
  };
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("role", "img");
  const said = curves.map(({ name, values }) =>
    `${name}: ${[1, 5, 20, 50, 150].filter((k) => k <= values.length).map((k) => `${values[k - 1].toFixed(2)} at ${k}`).join(", ")}`);
  svg.setAttribute("aria-label", `${label}. ${said.join(". ")}.`);
  const most = Math.max(...curves.map((curve) => curve.values.length), 2);
  const top = Math.max(Math.ceil(2 * Math.max(...curves.flatMap((curve) => curve.values))) / 2, 0.5);
  const x = (rank) => LEFT + ((WIDTH - LEFT - RIGHT) * (rank - 1)) / (most - 1);
  const y = (value) => HEIGHT - BELOW - ((HEIGHT - BELOW - ABOVE) * value) / top;
  for (let value = 0; value <= top + 1e-9; value += 0.5) {
    add("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "lab-grid" });
    add("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(1));
  }
  for (const rank of (most > 40 ? [1, 50, 100, 150] : [1, 5, 10, 15, 20]).filter((value) => value <= most)) {
    add("text", { x: x(rank), y: HEIGHT - BELOW + 16, "text-anchor": "middle" }, String(rank));
  }
  add("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "rank k");
  add("text", { x: LEFT - 34, y: 12 }, what);
  curves.forEach(({ values, colour, dash }) => {
    const points = values.map((value, k) => `${x(k + 1)},${y(value)}`).join(" ");
    add("polyline", { points, fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash ?? "" });
  });
  const mark = add("circle", { r: 5, fill: "var(--gahr-orange)", stroke: "var(--pst-color-text-base)" });
  const legend = el("p", { class: "lab-legend" }, ...curves.map(({ name, colour, dash }) =>
    el("span", { style: `--line: ${colour}`, class: dash ? "dashed" : null }, name)));
  return {
    element: el("div", {}, svg, legend),
    mark(k) {
      mark.setAttribute("cx", x(k));
      mark.setAttribute("cy", y(curves[0].values[k - 1]));
    },
  };
}
