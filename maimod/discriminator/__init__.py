"""The second network: features of every quarter beat, and the log-odds that something there was changed."""
