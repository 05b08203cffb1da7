"""How the embedded model was made: in the repository and the source distribution, not in the wheel.

The programs are `train`, then `specialists`. Their parts, each knowing only those before it: language, reading, crowds,
bodies, grid, patches, samples, variation (the data); network, attention, packing, visual_tokens, decoder, losses,
readouts (the model); config, schedule, lessons, muon, machine, history, checkpoint, trainer, phases, measures (a run);
held_out, card, export (what it leaves).
"""
