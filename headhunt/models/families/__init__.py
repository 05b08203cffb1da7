"""One file a model family: what extraction needs of it, by `config.model_type`."""
