// The lab's mathematics, in node: no page, no engine. Run by tests/test_lab.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import * as images from "../../_static/lab/images.mjs";
import { dot, eigh, orthonormal } from "../../_static/lab/linalg.mjs";
import { normals, uniform } from "../../_static/lab/random.mjs";
import { sample } from "../../_static/lab/sampler.mjs";
import { leading } from "../../_static/lab/spectrum.mjs";
import { asks, DEFAULTS, format, parse } from "../../_static/lab/state.mjs";

const mean = (x) => x.reduce((sum, value) => sum + value, 0) / x.length;
const near = (a, b, tolerance) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not within ${tolerance} of ${b}`);

test("random numbers have the moments of their laws, and one seed gives one sequence", () => {
  const z = normals(100000, 1);
  near(mean(z), 0, 0.01);
  near(mean(z.map((value) => value ** 2)), 1, 0.02);
  near(mean(z.map((value) => value ** 4)), 3, 0.15);
  const next = uniform(2);
  const u = Array.from({ length: 100000 }, next);
  near(mean(u), 0.5, 0.004);
  near(mean(u.map((value, i) => (value - 0.5) * (u[(i + 1) % u.length] - 0.5))), 0, 0.001);
  assert.deepEqual(normals(5, 3), normals(5, 3));
  assert.notDeepEqual(normals(5, 3), normals(5, 4));
});

test("psnr and similarity are what their formulas say", () => {
  near(images.psnr([0, 0], [0.1, 0.1]), 20, 1e-9);
  near(images.similarity([0, 1, 2], [5, 7, 9]), 1, 1e-12);
  near(images.similarity([0, 1, 2], [2, 1, 0]), -1, 1e-12);
  const clean = new Float32Array(40000).fill(0.5);
  near(images.psnr(clean, images.addNoise(clean, 0.1, 1)), 20, 0.1);
});

test("averaging by area keeps the mean, and takes the middle square", () => {
  const x = Float32Array.from({ length: 12 * 12 }, (_, i) => (i * 7919) % 13);
  const small = images.resample(x, 12, 12, 5);
  near(mean(small), mean(x), 1e-5);
  const halves = images.resample([1, 3, 5, 7], 2, 2, 1);
  near(halves[0], 4, 1e-6);
  assert.deepEqual([...images.resample([9, 1, 2, 9, 9, 3, 4, 9], 4, 2, 2)], [1, 2, 3, 4]);
  near(images.gray(Uint8ClampedArray.of(255, 255, 255, 255))[0], 1, 1e-6);
});

test("discs have two intensities, and C^alpha images two regions with a jump between them", () => {
  const x = images.disc(40, 5);
  const sorted = [...x].sort((a, b) => a - b);
  const ends = x.filter((value) => Math.min(value - sorted[0], sorted.at(-1) - value) < 1e-6);
  assert.ok(ends.length > 0.85 * x.length);
  const rough = Array.from({ length: 8 }, (_, seed) => change(images.cAlpha(40, 1, seed)));
  const smooth = Array.from({ length: 8 }, (_, seed) => change(images.cAlpha(40, 4, seed)));
  assert.ok(mean(rough) > 2 * mean(smooth));
  const y = images.cAlpha(40, 3, 1);
  assert.ok(y.every((value) => value >= -1e-6 && value <= 1 + 1e-6));
});

function change(x) {
  let sum = 0;
  for (let i = 0; i < 1600; i += 1) if (i % 40) sum += Math.abs(x[i] - x[i - 1]);
  return sum;
}

test("eigenvectors diagonalize a symmetric matrix", () => {
  const z = normals(900, 1);
  const a = Array.from({ length: 30 }, (_, i) => Float64Array.from({ length: 30 }, (_, j) => z[30 * i + j] + z[30 * j + i]));
  const { values, vectors } = eigh(a);
  vectors.forEach((v, k) => {
    const av = Float64Array.from(a, (row) => dot(row, v));
    av.forEach((value, i) => near(value, values[k] * v[i], 1e-9));
    vectors.forEach((w, l) => near(dot(v, w), k === l ? 1 : 0, 1e-10));
  });
  assert.ok(values.every((value, i) => i === 0 || value <= values[i - 1]));
});

test("rows that depend on others are dropped", () => {
  const kept = orthonormal([Float64Array.of(2, 0, 0), Float64Array.of(1, 0, 0), Float64Array.of(1, 1, 0)], []);
  assert.equal(kept.length, 2);
});

/** A matrix U diag(s) V^T that is far from symmetric, as products, with its singular vectors. */
function known(d, s) {
  const basis = (seed) => orthonormal(Array.from({ length: d }, (_, i) => Float64Array.from(normals(d, seed + i))), []);
  const [u, v] = [basis(1000), basis(2000)];
  const combine = (weights, rows) => Float64Array.from({ length: d }, (_, i) => rows.reduce((sum, row, k) => sum + weights[k] * row[i], 0));
  const times = (x, from, to) => combine(from.map((row, k) => s[k] * dot(row, x)), to);
  const products = async (rows) => {
    const there = rows.map((x) => times(x, v, u));
    return { there, back: there.map((x) => times(x, u, v)) };
  };
  return { products, u, v };
}

test("leading singular triplets of a known matrix, nearly degenerate as a denoiser's", async () => {
  const s = Array.from({ length: 120 }, (_, k) => 1.2 * 0.99 ** k);
  const { products, u, v } = known(120, s);
  const found = await leading(products, 120, 10, { tol: 1e-6 });
  for (let k = 0; k < 10; k += 1) {
    near(found.s[k], s[k], 1e-8);
    near(Math.abs(dot(found.right[k], v[k])), 1, 1e-6);
    near(dot(found.left[k], u[k]) * dot(found.right[k], v[k]), 1, 1e-6);
    assert.ok(found.residual[k] <= 1e-6);
  }
});

test("a residual is an honest bound when the search is stopped early", async () => {
  const s = Array.from({ length: 120 }, (_, k) => 1.2 * 0.99 ** k);
  const { products } = known(120, s);
  const found = await leading(products, 120, 10, { tol: 1e-9, most: 4 });
  assert.ok(Math.max(...found.residual) > 1e-6);
  found.s.forEach((value, k) => {
    const nearest = Math.min(...s.map((other) => Math.abs(other - value)));
    assert.ok(nearest <= found.residual[k] * found.s[0] + 1e-12);
  });
});

test("what is shown on the way comes nearer and nearer, and never exceeds the truth", async () => {
  const s = Array.from({ length: 120 }, (_, k) => 1.2 * 0.99 ** k);
  const { products } = known(120, s);
  const seen = [];
  const progress = (round, worst, found) => {
    if (found) seen.push({ worst, s: found.s });
  };
  await leading(products, 120, 10, { tol: 1e-9, progress });
  assert.ok(seen.length > 3 && seen[0].s.length === 10 && seen[0].worst > 0.01);
  for (let i = 1; i < seen.length; i += 1) {
    assert.ok(seen[i].s.every((value, k) => value >= seen[i - 1].s[k] - 1e-12 && value <= s[k] + 1e-9));
  }
});

test("progress may cancel", async () => {
  const { products } = known(40, Array.from({ length: 40 }, (_, k) => 1 / (k + 1)));
  const progress = () => { throw new Error("enough"); };
  await assert.rejects(leading(products, 40, 5, { progress }), /enough/);
});

test("sampling from a Gaussian's exact denoiser falls to the end noise, and a seed decides all", async () => {
  const run = async (seed) => {
    const states = [];
    // prior N(0.5, 0.2^2) for each pixel, blind: the level is estimated from the picture itself
    const denoise = async (y) => {
      const variance = mean(y.map((value) => (value - 0.5) ** 2));
      const noise = Math.max(variance - 0.04, 1e-9);
      return y.map((value) => 0.5 + (0.04 / (0.04 + noise)) * (value - 0.5));
    };
    for await (const state of sample(denoise, 4000, seed, { end: 0.02 })) states.push(state);
    return states;
  };
  const states = await run(1);
  assert.ok(states.at(-1).last && states.at(-1).sigma <= 0.02);
  states.slice(1).forEach((state, t) => assert.ok(state.sigma < states[t].sigma * 1.1));
  near(Math.sqrt(mean(states.at(-1).estimate.map((value) => (value - 0.5) ** 2))), 0.2, 0.03);
  assert.deepEqual((await run(1)).at(-1).estimate, states.at(-1).estimate);
});

test("a denoiser that diverges is an error, not an endless loop", async () => {
  const states = sample(async (y) => y.map((value) => 5 * value), 100, 0);
  await assert.rejects(async () => { for await (const state of states) assert.ok(state); }, /diverges/);
});

test("an address says what differs from the defaults, and survives nonsense", () => {
  const state = { ...DEFAULTS, panel: "basis", noise: 0.35, seed: 12, family: "faces" };
  assert.deepEqual(parse(format(state)), state);
  assert.equal(format(DEFAULTS), "#");
  assert.deepEqual(parse("#panel=<script>&noise=9&seed=-1&n=1e9&picture=../x&other=1"), DEFAULTS);
  assert.deepEqual(parse("#n=7"), DEFAULTS); // no network was trained on seven
  assert.ok(asks("#n=10") && !asks("#for-lecturers") && !asks(""));
});
