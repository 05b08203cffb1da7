"""Heads that are added to a trained model: they look on and know one topic each.

`python -m headhunt.demo.training.specialists --out DIR [--model MODEL]` adds them. In large models heads are
specialists, and selecting heads lives on that; in one as small as the embedded model every head carries a bit of
everything. So each layer gets four heads more. What they give goes nowhere (their columns of `o_proj` are zero): the
model sees and says exactly what it did without them. They learn to show, at the end of a question, whatever it asks,
which words of one topic the segment shows: what is done, who and what there is, place and furniture, colours, or ways.
The topics have about as many heads each: which of them tells anomalies is left to head selection.

The model is run once over some thousand segments; everything the new heads can look at is kept, so that they learn in
minutes on two cores.
"""
