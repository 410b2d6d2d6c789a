// Runs the networks beside the page, so that it stays responsive. On each channel the latest request wins.
import { engine } from "./engine.mjs";
import { POLICY, fetched } from "./files.mjs";
import { similarity } from "./images.mjs";
import { sample } from "./sampler.mjs";
import { leading } from "./spectrum.mjs";

const here = (path) => new URL(path, import.meta.url).href;
const latest = new Map();
const ROUGH = 0.05; // residual of a first look
let ready = null;

class Superseded extends Error {}

/** onnxruntime, from this site only; loaded at the first request. */
async function start() {
  const ort = await import(here("engine/ort.wasm.min.mjs"));
  ort.env.wasm.numThreads = 1; // threads need headers that a static site does not send
  ort.env.wasm.wasmPaths = here("engine/");
  return engine(ort, fetched);
}

/** Lets messages in: without it a newer request would not be heard until the end. */
const breathe = () => new Promise((done) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    done();
  };
  port2.postMessage(0);
});

const TASKS = {
  async denoise({ names, y }, tell) {
    for (const name of names) {
      const began = performance.now();
      const estimate = await ready.then((e) => e.denoise(name, y));
      await tell({ name, estimate, milliseconds: performance.now() - began });
    }
  },

  async twins({ names, seed, d, every = 1 }, tell) {
    const net = await ready;
    const { mean } = (await net.index())[names[0]];
    const runs = names.map((name) => sample((y) => net.denoise(name, y), d, seed, { mean }));
    const now = await Promise.all(runs.map(async (run) => (await run.next()).value));
    for (let step = 0; now.some((state) => !state.last); step += 1) {
      if (step % every === 0) await tell(pair(now, step));
      else await tell(null);
      for (let k = 0; k < runs.length; k += 1) {
        if (!now[k].last) now[k] = (await runs[k].next()).value;
      }
    }
    await tell(pair(now, Math.max(...now.map((state) => state.step)), true));
  },

  async basis({ names, y, k }, tell) {
    const net = await ready;
    for (const name of names) {
      const began = performance.now();
      const product = await net.symmetric(name, y);
      let looked = false; // the first rough look is worth showing: the rest takes as long again
      const progress = (round, residual, rough) => {
        const early = !looked && rough && residual < ROUGH ? rough : null;
        looked ||= Boolean(early);
        return tell({ name, round, residual, early, milliseconds: performance.now() - began });
      };
      const found = await leading(product, y.length, k, { progress });
      await tell({ name, found, milliseconds: performance.now() - began });
    }
  },
};

function pair(now, step, last = false) {
  const [a, b] = now.map((state) => state.estimate);
  return {
    step,
    last,
    pictures: now.map((state) => (state.last ? state.estimate : state.y)), // from noise to a sample
    estimates: now.map((state) => state.estimate),
    sigma: now.map((state) => state.sigma),
    similarity: b ? similarity(a, b) : 1,
  };
}

let policy = ""; // what a content security policy forbade
self.addEventListener("securitypolicyviolation", (event) => { policy = event.effectiveDirective; });

self.onmessage = async ({ data: { id, channel, task, options } }) => {
  latest.set(channel, id);
  if (task === "cancel") return;
  const tell = async (part) => {
    await breathe();
    if (latest.get(channel) !== id) throw new Superseded();
    if (part) self.postMessage({ id, part });
  };
  try {
    ready ??= start();
    await ready;
    await TASKS[task](options, tell);
    self.postMessage({ id, done: true });
  } catch (error) {
    if (error instanceof Superseded) self.postMessage({ id, done: true, superseded: true });
    else {
      if (!(await Promise.resolve(ready).then(() => true, () => false))) ready = null; // may be tried again
      self.postMessage({ id, error: policy ? `${POLICY} (${policy})` : error.message });
    }
  }
};
