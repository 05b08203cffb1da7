"""What stages make and users keep: head sets, scorers, scores, events, metrics. One module a kind."""
