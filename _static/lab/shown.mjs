// Written by `python -m book.lab.screen`: the seeds that the lab and the first screen begin with.
export const SEEDS = { faces: 12, clothes: 1 };
