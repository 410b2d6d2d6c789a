// Where the lab's pictures come from. What a reader uploads or draws stays in this tab.
import { el } from "./dom.mjs";
import { sizeOf } from "./headers.mjs";
import { cAlpha, disc, gray, resample } from "./images.mjs";

/** What the menu offers. */
export const NAMES = [
  ["portrait", "a portrait (public domain)"],
  ["face", "a face, drawn by a network"],
  ...Array.from({ length: 12 }, (_, k) => [`clothes-${k + 1}`, `clothes ${k + 1} (held out)`]),
  ["disc", "a disc, drawn from the seed"],
  ["calpha", "a smooth contour, drawn from the seed"],
  ["own", "your own: upload or draw"],
];

/** Pixels on a side that an upload may have. */
export const LARGEST = 4096;

/** Pictures by name, at any size. `file(name)` fetches; `face(seed)` lets the worker draw a face, null if given up. */
export class Pictures {
  constructor(file, face) {
    this.file = file;
    this.face = face;
    this.own = null; // { x, width, height }
    this.faces = new Map();
  }

  async get({ picture, seed, alpha }, size) {
    if (picture === "disc") return disc(size, seed);
    if (picture === "calpha") return cAlpha(size, alpha, seed);
    if (picture === "face" && seed !== 0) { // that of seed 0 is stored
      if (!this.faces.has(seed)) this.faces.set(seed, this.face(seed)); // whoever asks meanwhile waits for the same
      let x = null;
      try {
        x = await this.faces.get(seed);
      } finally {
        if (!x) this.faces.delete(seed);
      }
      if (!x) throw new Error("the drawing of a face was given up");
      return resample(x, 40, 40, size);
    }
    if (picture === "own" && this.own) return resample(this.own.x, this.own.width, this.own.height, size);
    this.stored ??= JSON.parse(new TextDecoder().decode(await this.file("pictures.json")));
    const row = this.stored[picture] ?? this.stored.portrait;
    const bytes = Uint8Array.from(atob(row.pixels), (letter) => letter.charCodeAt(0));
    return resample(Float32Array.from(bytes, (value) => value / 255), row.size, row.size, size);
  }

  /** Read an uploaded file; throws a sentence if it is no picture, or too large to be decoded. */
  async upload(file) {
    const found = sizeOf(new Uint8Array(await file.slice(0, 1 << 20).arrayBuffer()));
    if (!found) throw new Error(`${file.name} cannot be read as a picture: PNG, JPEG, GIF, WebP and BMP can.`);
    if (Math.max(...found) > LARGEST) {
      const limit = LARGEST.toLocaleString("en");
      throw new Error(`${file.name} has ${found.join("×")} pixels: at most ${limit} on a side can be read.`);
    }
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      throw new Error(`${file.name} cannot be read as a picture: the browser could not decode it.`);
    }
    const side = Math.min(bitmap.width, bitmap.height); // of the middle square
    const small = Math.min(512, side);
    const canvas = el("canvas", { width: small, height: small });
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, small, small);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, small, small);
    bitmap.close();
    this.own = { x: gray(context.getImageData(0, 0, small, small).data), width: small, height: small };
  }
}
