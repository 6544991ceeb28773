"""How to train: preferences and a parent adapter in, an adapter out.

    sft.py dpo.py orpo.py kto.py   one recipe each, beside a .toml of the same name with its defaults; copy one and change it
    rows.py                        problems, pairs and judged answers -> rows of token ids; refuses what does not fit
    order.py                       which rows are trained together, by seed and epoch
    updates.py  processes.py       how an update is cut into forward passes, and shared among processes
    rehearsal.py  validation.py    rows that are mixed in against forgetting, and rows that are set aside
    shared.py                      the engine "shared": transformers' Trainer over rows in which the prompt is computed once
    packing.py  head.py            such rows with their masks, and the log-probabilities of their answers' tokens
    losses.py                      losses of pairs: those of TRL, ties, margins
    reference.py                   the parent's log-probabilities, computed once, kept, checked when used again
    weights.py                     a weight per row, on TRL's own losses (engine "trl")
    guards.py                      what must hold before, while and after a run: the reference, the trained parameters
    checkpoints.py                 complete checkpoints, and going on from the newest
    room.py                        memory and disk, in words; fewer rows in a forward pass where they do not fit
    trackers.py                    trackers keep to this machine
    watch.py                       what happens at every step: metrics.jsonl, progress, stop at NaN
    training.py                    the settings that all runs share, the run itself, the saved adapter

A recipe's file imports torch and TRL inside its functions: reading its Config must not take seconds.
"""

import prefopt.model  # noqa: F401 - sets how torch's threads wait, before a recipe imports torch
