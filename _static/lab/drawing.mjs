// A board to draw a picture on, with the pointer or with arrow keys and the space bar.
import { el } from "./dom.mjs";

const [SIDE, BRUSH] = [80, 4];

/** The board; `changed(x, side)` gets gray intensities, black on white, when a stroke ends. */
export function drawingBoard(changed) {
  const x = new Float32Array(SIDE * SIDE).fill(1);
  const canvas = el("canvas", {
    width: SIDE, height: SIDE, tabindex: 0, class: "lab-board", role: "application",
    "aria-label": "Board to draw on: arrow keys move the brush, space puts it down or lifts it",
  });
  const context = canvas.getContext("2d");
  const brush = { row: SIDE / 2, column: SIDE / 2, down: false };

  function paint() {
    const pixels = context.createImageData(SIDE, SIDE);
    x.forEach((value, i) => pixels.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i));
    context.putImageData(pixels, 0, 0);
    if (document.activeElement === canvas) {
      context.strokeStyle = brush.down ? "#d55e00" : "#0072b2";
      context.strokeRect(brush.column - BRUSH, brush.row - BRUSH, 2 * BRUSH, 2 * BRUSH);
    }
  }

  function dab() {
    for (let row = 0; row < SIDE; row += 1) {
      for (let column = 0; column < SIDE; column += 1) {
        const away = Math.hypot(row + 0.5 - brush.row, column + 0.5 - brush.column);
        const ink = Math.min(Math.max(BRUSH - away + 0.5, 0), 1);
        x[row * SIDE + column] = Math.min(x[row * SIDE + column], 1 - ink);
      }
    }
    paint();
  }

  const done = () => changed(Float32Array.from(x), SIDE);
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    brush.column = ((event.clientX - box.left) / box.width) * SIDE;
    brush.row = ((event.clientY - box.top) / box.height) * SIDE;
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    brush.down = true;
    place(event);
    dab();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    place(event);
    dab();
  });
  canvas.addEventListener("pointerup", () => {
    brush.down = false;
    done();
  });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-2, 0], ArrowDown: [2, 0], ArrowLeft: [0, -2], ArrowRight: [0, 2] }[event.key];
    if (event.key === " ") brush.down = !brush.down;
    else if (move) {
      brush.row = Math.min(Math.max(brush.row + move[0], 0), SIDE);
      brush.column = Math.min(Math.max(brush.column + move[1], 0), SIDE);
    } else return;
    event.preventDefault();
    if (brush.down) dab();
    else paint();
    if (event.key === " " && !brush.down) done();
  });
  canvas.addEventListener("focus", paint);
  canvas.addEventListener("blur", paint);
  const clear = el("button", { type: "button", click: () => {
    x.fill(1);
    paint();
    done();
  } }, "Clear the board");
  paint();
  return el("div", {}, canvas, el("br"), clear);
}
