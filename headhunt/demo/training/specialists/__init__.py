"""Heads added to a trained model that look on and know one topic each.

`python -m headhunt.demo.training.specialists --out DIR [--model MODEL]` adds them. Large models have specialised heads,
and head selection lives on that; in a model as small as the embedded one, every head carries a bit of everything. So
each layer gets four more heads. Nothing reads their outputs (their columns of `o_proj` are zero): the model sees and
says exactly what it did without them. They learn to show, at the end of a question, whatever it asks, which words of
one topic the segment shows: actions, who and what there is, place and furniture, colours, or directions. All topics
have about the same number of heads: which of them reveal anomalies is left to head selection.

The model runs once over a few thousand segments, and everything the new heads can look at is kept, so that they learn
in minutes on two cores.
"""
