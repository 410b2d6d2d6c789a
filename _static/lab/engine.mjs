// The book's networks, run by onnxruntime. No page and no worker in here: it is tested in node, too.

/**
 * `ort` is onnxruntime-web; `read(name)` fetches a file that `python -m book.lab` wrote, as a Uint8Array.
 *
 * Each network's graph refers to its weights in the network's own file, so one graph serves many.
 */
export function engine(ort, read) {
  const files = new Map();
  const open = new Map();
  let turn = Promise.resolve(); // one session is made at a time: all ask for the same name of weights
  const once = (name) => {
    if (!files.has(name)) {
      files.set(name, read(name).catch((error) => {
        files.delete(name);
        throw error;
      }));
    }
    return files.get(name);
  };
  const index = async () => JSON.parse(new TextDecoder().decode(await once("networks.json")));

  function session(name, kind) {
    const made = turn.then(() => opened(name, kind));
    turn = made.catch(() => {});
    return made;
  }

  async function opened(name, kind) {
    const key = `${name} ${kind}`;
    if (!open.has(key)) {
      const row = (await index())[name];
      if (!row) throw new Error(`there is no network ${name}`);
      const [graph, data] = await Promise.all([`${row.graph}-${kind}.onnx`, `${name}.safetensors`].map(once));
      const options = { externalData: [{ path: "network.safetensors", data }], executionProviders: ["wasm"] };
      if (open.size >= 16) await forget(open.keys().next().value); // memory
      open.set(key, { made: await ort.InferenceSession.create(graph, options), size: row.size });
    }
    const found = open.get(key);
    open.delete(key); // and to the end: the one that was not used for longest stands first
    open.set(key, found);
    return found;
  }

  async function forget(key) {
    const { made } = open.get(key);
    open.delete(key);
    await made.release();
  }

  const image = (rows, size) => {
    const values = new Float32Array(rows.length * size * size);
    rows.forEach((row, i) => values.set(row, i * size * size));
    return new ort.Tensor("float32", values, [rows.length, 1, size, size]);
  };
  const apart = (tensor, count, Kind) => {
    const d = tensor.data.length / count;
    return Array.from({ length: count }, (_, i) => Kind.from(tensor.data.subarray(i * d, (i + 1) * d)));
  };

  return {
    index,

    /** The clean estimate of one noisy picture. */
    async denoise(name, y) {
      const { made, size } = await session(name, "denoise");
      const { estimate } = await made.run({ y: image([y], size) });
      return apart(estimate, 1, Float32Array)[0];
    },

    /** What the symmetric part of the Jacobian at `y` makes of directions: a function of rows v, to (J v + J^T v) / 2. */
    async symmetric(name, y) {
      const { made, size } = await session(name, "products");
      const at = image([y], size);
      return async (rows) => {
        const out = await made.run({ y: at, v: image(rows, size) });
        const [there, back] = [out.there, out.back].map((part) => apart(part, rows.length, Float64Array));
        return there.map((row, i) => row.map((value, j) => (value + back[i][j]) / 2));
      };
    },
  };
}
