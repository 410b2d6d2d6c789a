// The lab's mathematics, in node: no page, no engine. Run by tests/lab/test_lab.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import { signed } from "../../_static/lab/colours.mjs";
import { sizeOf } from "../../_static/lab/headers.mjs";
import * as images from "../../_static/lab/images.mjs";
import { dot, eigh, orthonormal } from "../../_static/lab/linalg.mjs";
import { normals, uniform } from "../../_static/lab/random.mjs";
import { sample } from "../../_static/lab/sampler.mjs";
import { leading } from "../../_static/lab/spectrum.mjs";
import { kindOf, pairOf } from "../../_static/lab/networks.mjs";
import { asks, DEFAULTS, format, PANELS, parse } from "../../_static/lab/state.mjs";
import { unpacked } from "../../_static/lab/stored.mjs";
import { trained } from "../../_static/lab/training.mjs";

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

/** A symmetric matrix of known eigenvalues, as products, with its eigenvectors. */
function known(d, lam) {
  const e = orthonormal(Array.from({ length: d }, (_, i) => Float64Array.from(normals(d, 1000 + i))), []);
  const times = (x) => {
    const weights = e.map((row, k) => lam[k] * dot(row, x));
    return Float64Array.from({ length: d }, (_, i) => e.reduce((sum, row, k) => sum + weights[k] * row[i], 0));
  };
  return { product: async (rows) => rows.map(times), e };
}

/** Nearly degenerate and of both signs, as a denoiser's: from 1.2 down to -0.05. */
const LAM = Array.from({ length: 120 }, (_, k) => 1.25 * 0.985 ** k - 0.05 - 0.2 * (k > 110));

test("leading eigenvectors of a known matrix: in order of value, not of size", async () => {
  const { product, e } = known(120, LAM);
  const found = await leading(product, 120, 10, { tol: 1e-6 });
  for (let k = 0; k < 10; k += 1) {
    near(found.lam[k], LAM[k], 1e-8);
    near(Math.abs(dot(found.e[k], e[k])), 1, 1e-6);
    assert.ok(found.residual[k] <= 1e-6);
  }
  const negative = known(60, Array.from({ length: 60 }, (_, k) => 0.1 - 0.02 * k));
  near((await leading(negative.product, 60, 3, { tol: 1e-6 })).lam[0], 0.1, 1e-8);
});

test("a residual is an honest bound when the search is stopped early", async () => {
  const { product } = known(120, LAM);
  const found = await leading(product, 120, 10, { tol: 1e-9, most: 4 });
  assert.ok(Math.max(...found.residual) > 1e-6);
  found.lam.forEach((value, k) => {
    const nearest = Math.min(...LAM.map((other) => Math.abs(other - value)));
    assert.ok(nearest <= found.residual[k] * LAM[0] + 1e-12);
  });
});

test("what is shown on the way comes nearer and nearer, and never exceeds the truth", async () => {
  const { product } = known(120, LAM);
  const seen = [];
  const progress = (round, worst, found) => {
    if (found) seen.push({ worst, lam: found.lam });
  };
  await leading(product, 120, 10, { tol: 1e-9, progress });
  assert.ok(seen.length > 3 && seen[0].lam.length === 10 && seen[0].worst > 0.01);
  for (let i = 1; i < seen.length; i += 1) {
    assert.ok(seen[i].lam.every((value, k) => value >= seen[i - 1].lam[k] - 1e-12 && value <= LAM[k] + 1e-9));
  }
});

test("progress may cancel", async () => {
  const { product } = known(40, Array.from({ length: 40 }, (_, k) => 1 / (k + 1)));
  const progress = () => { throw new Error("enough"); };
  await assert.rejects(leading(product, 40, 5, { progress }), /enough/);
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

test("an address says what differs from a panel's defaults, and survives nonsense", () => {
  const state = { ...DEFAULTS.basis, noise: 0.35, seed: 12, family: "clothes" };
  assert.deepEqual(parse(format(state)), state);
  assert.equal(format(DEFAULTS.denoise), "#");
  for (const panel of PANELS) assert.deepEqual(parse(format(DEFAULTS[panel])), DEFAULTS[panel]);
  assert.deepEqual(parse("#panel=<script>&noise=9&seed=-1&n=1e9&picture=../x&other=1"), DEFAULTS.denoise);
  assert.deepEqual(parse("#n=7"), DEFAULTS.denoise); // no network was trained on seven
  assert.ok(asks("#n=10") && !asks("#for-lecturers") && !asks(""));
});

test("names that every object inherits are not names of the lab", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"]) {
    assert.ok(!asks(`#${name}=1`), name);
    const state = parse(`#${name}=1&panel=twins`);
    assert.deepEqual(state, DEFAULTS.twins);
    assert.deepEqual(Object.keys(state), Object.keys(DEFAULTS.twins));
    assert.deepEqual(parse(`#picture=${name}&panel=${name}`), DEFAULTS.denoise);
  }
});

test("few training pictures: clothes stand in for faces", () => {
  assert.deepEqual(pairOf(parse("#panel=twins")).pair, ["faces40-unet16-n13000-a", "faces40-unet16-n13000-b"]);
  assert.deepEqual(pairOf(parse("#panel=twins&n=10")).pair, ["fashion32-unet16-n10-a", "fashion32-unet16-n10-b"]);
  assert.deepEqual(["portrait", "clothes-3", "disc", "own"].map(kindOf), ["faces", "clothes", "discs", null]);
});

test("half A's small sets are the first pictures of its file, half B's the last", () => {
  assert.deepEqual(trained("a", 10, 1000), [0, 10]);
  assert.deepEqual(trained("b", 10, 1000), [990, 1000]);
  for (const half of ["a", "b"]) assert.deepEqual(trained(half, 14000, 1000), [0, 1000]);
});

test("stored directions have length 1 again", () => {
  const rows = unpacked(Uint8Array.of(3, 4, 0, 252), 2); // 252 is -4
  assert.deepEqual(rows.map((row) => [...row]), [[0.6, 0.8], [0, -1]]);
});

test("the size of a picture is read from its first bytes", () => {
  const bytes = (text) => Uint8Array.from(text.match(/../g), (hex) => parseInt(hex, 16));
  const png = bytes("89504e470d0a1a0a0000000d494844520000177000000fa00806000000");
  assert.deepEqual(sizeOf(png), [6000, 4000]);
  assert.deepEqual(sizeOf(bytes("474946383961e803f401")), [1000, 500]);
  assert.deepEqual(sizeOf(bytes("ffd8ffe000104a46494600010100000100010000ffdb0004ffffffc0001108012c00c803")), [200, 300]);
  assert.deepEqual(sizeOf(bytes("524946460000000057454250565038580a00000000000000ff0f00ff0700")), [4096, 2048]);
  assert.equal(sizeOf(bytes("3c7376672f3e")), null);
  assert.equal(sizeOf(png.subarray(0, 18)), null); // cut short
});

test("colours are those of the figures: orange below zero, white at it, purple above", () => {
  assert.deepEqual(signed(-1), [0x7f, 0x3b, 0x08]);
  assert.deepEqual(signed(0), [0xf7, 0xf7, 0xf7]);
  assert.deepEqual(signed(1), [0x2d, 0x00, 0x4b]);
  const half = signed(0.1);
  assert.ok(half.every((value, i) => value <= 0xf7 && value >= [0xd8, 0xda, 0xeb][i]));
});
