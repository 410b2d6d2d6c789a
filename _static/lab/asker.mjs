// Requests from the page to the worker. On each channel the latest wins, and only the latest is heard.

/** Starts the worker at the first request, and again after it broke. */
export class Asker {
  constructor() {
    this.open = new Map(); // by channel
    this.last = 0;
    this.worker = null;
  }

  /** Resolves to "done", "stopped" or "superseded"; `heard(part)` gets what comes on the way. */
  ask(channel, task, options, heard) {
    this.end(channel, "superseded");
    this.last += 1;
    const id = this.last;
    return new Promise((resolve, reject) => {
      this.open.set(channel, { id, resolve, reject, heard });
      this.worker ??= this.start();
      this.worker.postMessage({ id, channel, task, options });
    });
  }

  /** Give up what runs on a channel, if anything does: it resolves to `how`. */
  end(channel, how) {
    const asked = this.open.get(channel);
    if (!asked) return;
    this.open.delete(channel);
    this.last += 1;
    this.worker?.postMessage({ id: this.last, channel, task: "cancel" });
    asked.resolve(how);
  }

  start() {
    const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => this.hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      this.worker = null;
      const broken = [...this.open.values()];
      this.open.clear();
      for (const { reject } of broken) reject(new Error("the worker could not start"));
    };
    return worker;
  }

  hear({ id, part, error }) {
    const [channel, asked] = [...this.open].find(([, one]) => one.id === id) ?? [];
    if (!asked) return;
    try {
      if (error) throw new Error(error);
      if (part) {
        asked.heard?.(part);
        return;
      }
      asked.resolve("done");
    } catch (problem) {
      asked.reject(problem);
    }
    this.open.delete(channel);
  }
}
