// Where the lab's pictures come from. What a reader uploads or draws stays in this tab.
import { el } from "./dom.mjs";
import { cAlpha, disc, gray, resample } from "./images.mjs";
import { SETTINGS, sample } from "./sampler.mjs";

/** What the menu offers. */
export const NAMES = [
  ["portrait", "a portrait (public domain)"],
  ["face", "a face, drawn by a network"],
  ...Array.from({ length: 12 }, (_, k) => [`clothes-${k + 1}`, `clothes ${k + 1} (held out)`]),
  ["disc", "a disc, drawn from the seed"],
  ["calpha", "a smooth contour, drawn from the seed"],
  ["own", "your own: upload or draw"],
];

/** Pictures by name, at any size. `file(name)` fetches, `face(seed)` lets the worker draw a face. */
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
    if (picture === "face") {
      if (!this.faces.has(seed)) this.faces.set(seed, await this.face(seed));
      return resample(this.faces.get(seed), 40, 40, size);
    }
    if (picture === "own" && this.own) return resample(this.own.x, this.own.width, this.own.height, size);
    this.stored ??= JSON.parse(new TextDecoder().decode(await this.file("pictures.json")));
    const row = this.stored[picture] ?? this.stored.portrait;
    const bytes = Uint8Array.from(atob(row.pixels), (letter) => letter.charCodeAt(0));
    return resample(Float32Array.from(bytes, (value) => value / 255), row.size, row.size, size);
  }

  /** Read an uploaded file; throws a sentence if it is no picture. */
  async upload(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      throw new Error(`${file.name} cannot be read as a picture.`);
    }
    const shrink = Math.min(1, 512 / Math.min(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * shrink)));
    const canvas = el("canvas", { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0, width, height);
    this.own = { x: gray(context.getImageData(0, 0, width, height).data), width, height };
  }
}

/** A face from the network of half A. */
export function drawFace(denoise, seed) {
  return (async () => {
    let last = null;
    for await (const state of sample(denoise, 1600, seed, SETTINGS)) last = state;
    return last.estimate;
  })();
}
