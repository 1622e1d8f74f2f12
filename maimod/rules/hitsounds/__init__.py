"""Rules of hitsounds: additions, sample sets, samples and volumes."""
