// A board to draw a picture on, with the pointer or with arrow keys and the space bar.
import { el } from "./dom.mjs";

const [SIDE, BRUSH] = [80, 4];
const MOVES = { ArrowUp: [-2, 0], ArrowDown: [2, 0], ArrowLeft: [0, -2], ArrowRight: [0, 2] };

/** The board, and how to wipe it; `changed(x, side)` gets gray intensities, black on white, when a stroke ends. */
export function drawingBoard(changed) {
  const x = new Float32Array(SIDE * SIDE).fill(1);
  const canvas = el("canvas", {
    width: SIDE, height: SIDE, tabindex: 0, class: "lab-board", role: "application",
    "aria-label": "Board to draw on", "aria-describedby": "lab-board-help",
  });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(SIDE, SIDE);
  const brush = { row: SIDE / 2, column: SIDE / 2, down: false };
  const said = el("span", { role: "status" });
  let pointer = null; // the one that draws

  function paint() {
    x.forEach((value, i) => pixels.data.fill(255 * value, 4 * i, 4 * i + 3).fill(255, 4 * i + 3, 4 * i + 4));
    context.putImageData(pixels, 0, 0);
    if (document.activeElement === canvas) {
      context.strokeStyle = brush.down ? "#d55e00" : "#0072b2";
      context.strokeRect(brush.column - BRUSH, brush.row - BRUSH, 2 * BRUSH, 2 * BRUSH);
    }
  }

  /** Move the brush; if it is down it leaves a line, however far it went at once. */
  function moveTo(row, column, jump = false) {
    const [down, across] = jump ? [0, 0] : [row - brush.row, column - brush.column];
    const along = down ** 2 + across ** 2;
    Object.assign(brush, { row, column });
    for (let i = 0; brush.down && i < x.length; i += 1) {
      const [r, c] = [row - Math.floor(i / SIDE) - 0.5, column - (i % SIDE) - 0.5];
      const share = along ? Math.min(Math.max((r * down + c * across) / along, 0), 1) : 0;
      const ink = Math.min(Math.max(BRUSH + 0.5 - Math.hypot(r - share * down, c - share * across), 0), 1);
      x[i] = Math.min(x[i], 1 - ink);
    }
    paint();
  }

  function lift() {
    if (!brush.down) return;
    brush.down = false;
    paint();
    changed(Float32Array.from(x), SIDE);
  }

  const follow = (event, jump) => {
    const box = canvas.getBoundingClientRect();
    const share = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    moveTo(...share.map((value) => Math.min(Math.max(value, 0), 1) * SIDE), jump);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    brush.down = true;
    follow(event, true);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId === pointer) follow(event, false);
  });
  canvas.addEventListener("lostpointercapture", (event) => { // after pointerup, and after pointercancel
    if (event.pointerId !== pointer) return;
    pointer = null;
    lift();
  });
  canvas.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (pointer !== null || (event.key !== " " && !move)) return;
    event.preventDefault();
    if (event.key === " ") {
      said.textContent = brush.down ? "Brush up." : "Brush down.";
      if (brush.down) lift();
      else {
        brush.down = true;
        moveTo(brush.row, brush.column);
      }
    } else {
      moveTo(...[brush.row + move[0], brush.column + move[1]].map((value) => Math.min(Math.max(value, 0), SIDE)));
    }
  });
  canvas.addEventListener("focus", paint);
  canvas.addEventListener("blur", () => {
    if (pointer === null) lift();
    said.textContent = "";
    paint();
  });
  function wipe() {
    x.fill(1);
    paint();
  }
  const clear = el("button", { type: "button", click: () => {
    wipe();
    changed(Float32Array.from(x), SIDE);
  } }, "Clear the board");
  const help = el("p", { id: "lab-board-help" },
    "With the pointer, or with the keyboard: arrow keys move the brush, space puts it down and lifts it.");
  paint();
  const element = el("div", {}, help, canvas, el("p", { class: "lab-actions" }, clear, said));
  return { element, wipe };
}
