"""Virtual labs: how many cells an optimizer needs where the truth is known, and the product's physics is wrong.

    python -m tests.benchmarks.virtual_labs.run --method ours --condition easy --family near --labs 12 --results out.jsonl
    python -m tests.benchmarks.virtual_labs.score out.jsonl

- `near`, `far`: the truths, written from physics without importing anything of the product; drawn at random, one a seed.
- `lab`: measures with noise (`Lab.measure`) and judges without (`judge`, `regret`); the best attainable by dense search.
- `recipes`, `matter`: what is public: bounds and lab grid, the shell budget, and the formula of Wh/L.
- `ours`, `others`: optimizers, each a function of a `Task`, the `History` of readings, how many recipes, and a seed. None sees a lab.
- `run`: lets one of them work in labs and appends a line a finished run to a file; what is in the file is not run again.
- `score`: the table and the verdicts; `results/*.jsonl` holds the runs of the others, so that scoring ours takes minutes.

In Python: `run.campaign_of(make_lab("near", 0), Task("easy"), METHODS["ours"], cells=32)` returns the regret after each batch.
"""
