"""The command line: a command parses, makes one call into `headhunt`, and prints. What computes is not here."""
